// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Scripts by which shells complete commands and options, made from ``CommandTable``.
enum CompletionScript {
    /// The script for a shell, with its last line feed.
    static func text(for shell: Shell) -> String {
        switch shell {
        case .bash: bash
        case .zsh: zsh
        case .fish: fish
        }
    }

    private static let commands = CommandTable.all.map(\.name.rawValue)
    private static let globalOptions = OptionDescription.common.flatMap { [$0.name] + ($0.short.map { [$0] } ?? []) }

    // MARK: bash

    private static var bash: String {
        var cases = ""
        var values = ""
        for command in CommandTable.all {
            let options = command.allOptions.map(\.name).joined(separator: " ")
            cases +=
                "    \(command.name.rawValue)) options='\(options)'; operands=\(bashWords(command.completion)) ;;\n"
            for option in command.options where option.placeholder != nil {
                values += "    \(command.name.rawValue):\(option.name)) values=\(bashWords(option.completion)) ;;\n"
            }
        }
        return """
            # bash completion for loopwatch; made by: loopwatch completion bash
            _loopwatch() {
              local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]}
              local options='' operands='' values=none
              COMPREPLY=()
              if [ "$COMP_CWORD" -eq 1 ]; then
                COMPREPLY=($(compgen -W '\((commands + globalOptions).joined(separator: " "))' -- "$current"))
                return
              fi
              case $command in
            \(cases)    *) return ;;
              esac
              case $command:$previous in
            \(values)  esac
              if [ "$values" = none ]; then
                case $current in
                -*) COMPREPLY=($(compgen -W "$options" -- "$current")); return ;;
                esac
                values=$operands
              fi
              case $values in
              @file) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$current")) ;;
              @process) COMPREPLY=($(compgen -W "$(ps -eo pid= 2>/dev/null)" -- "$current")) ;;
              *) COMPREPLY=($(compgen -W "$values" -- "$current")) ;;
              esac
            }
            complete -F _loopwatch loopwatch

            """
    }

    private static func bashWords(_ completion: Completion) -> String {
        switch completion {
        case .nothing: "''"
        case .file: "@file"
        case .process: "@process"
        case .words(let words): "'\(words.joined(separator: " "))'"
        }
    }

    // MARK: zsh

    private static var zsh: String {
        let list = CommandTable.all.map { "    \(quoted("\($0.name.rawValue):\($0.summary)"))\n" }.joined()
        var cases = ""
        for command in CommandTable.all {
            var arguments = command.allOptions.map(zshOption)
            arguments.append(zshOperands(command))
            cases += "      \(command.name.rawValue))\n        _arguments -S \\\n"
            cases += arguments.map { "          \($0)" }.joined(separator: " \\\n") + " ;;\n"
        }
        return """
            #compdef loopwatch
            # zsh completion for loopwatch; made by: loopwatch completion zsh
            _loopwatch_program() {
              if [ "$words[1]" = -- ] && [ "$CURRENT" -gt 1 ]; then
                shift words
                (( CURRENT-- ))
              fi
              _normal
            }
            _loopwatch() {
              local curcontext="$curcontext" state line
              local -a commands
              commands=(
            \(list)  )
              _arguments -C '(- *)'{-h,--help}'[show help]' '(- *)--version[show the version]' '1: :->command' '*:: :->rest'
              case $state in
              command) _describe -t commands command commands ;;
              rest)
                case $words[1] in
            \(cases)    esac ;;
              esac
            }
            if [ "$funcstack[1]" = _loopwatch ]; then
              _loopwatch "$@"
            else
              compdef _loopwatch loopwatch
            fi

            """
    }

    private static func zshOption(_ option: OptionDescription) -> String {
        let text = option.summary.replacing("[", with: "(").replacing("]", with: ")").replacing(":", with: "\\:")
        guard let placeholder = option.placeholder else { return quoted("\(option.name)[\(text)]") }
        return quoted("\(option.name)=[\(text)]:\(placeholder):\(zshAction(option.completion))")
    }

    private static func zshOperands(_ command: CommandDescription) -> String {
        if command.endsAtFirstOperand { return "'*::command:_loopwatch_program'" }
        return quoted("*:operand:\(zshAction(command.completion))")
    }

    private static func zshAction(_ completion: Completion) -> String {
        switch completion {
        case .nothing: " "
        case .file: "_files"
        case .process: "_pids"
        case .words(let words): "(\(words.joined(separator: " ")))"
        }
    }

    // MARK: fish

    private static var fish: String {
        var script = fishFunctions
        script += "complete -c loopwatch -f\n"
        for option in OptionDescription.common {
            let short = option.short.map { " -s \($0.dropFirst())" } ?? ""
            script += "complete -c loopwatch\(short) -l \(option.name.dropFirst(2)) -d \(fishQuoted(option.summary))\n"
        }
        for command in CommandTable.all {
            script += "complete -c loopwatch -n __fish_use_subcommand -a \(command.name.rawValue)"
            script += " -d \(fishQuoted(command.summary))\n"
        }
        for command in CommandTable.all {
            var condition = "__loopwatch_is \(command.name.rawValue)"
            if command.endsAtFirstOperand {
                let options = command.options.filter { $0.placeholder != nil }.map(\.name).joined(separator: " ")
                let program = "__loopwatch_program \(options)"
                script += "complete -c loopwatch -n '\(condition); and \(program) >/dev/null'"
                script += " -x -a '(complete -C (\(program) | string collect -N))'\n"
                condition += "; and not \(program) --begun >/dev/null"
            }
            let start = "complete -c loopwatch -n '\(condition)'"
            for option in command.options {
                script += "\(start) -l \(option.name.dropFirst(2)) -d \(fishQuoted(option.summary))"
                script += option.placeholder == nil ? "\n" : " \(fishValues(option.completion, isOption: true))\n"
            }
            let operands = fishValues(command.completion, isOption: false)
            if !operands.isEmpty, !command.endsAtFirstOperand { script += "\(start) \(operands)\n" }
        }
        return script
    }

    /// What the conditions of fish's completions ask: which command it is, and where the program begins that one starts.
    private static let fishFunctions = """
        # fish completion for loopwatch; made by: loopwatch completion fish
        function __loopwatch_is
            set -l words (commandline -opc)
            test (count $words) -gt 1; and test "$words[2]" = "$argv[1]"
        end
        # The command line from the program on that is to be started, after options of which some have values; fails where
        # an option or its value is being written. With --begun it has to be more than a first word that is not finished.
        function __loopwatch_program
            set -l words (commandline -opc)
            set -l last (commandline -ct)
            set -e words[1..2]
            set -l is_begun no
            while set -q words[1]
                switch $words[1]
                    case --
                        set -e words[1]
                        set is_begun yes
                        break
                    case '--*=*'
                        set -e words[1]
                    case '-*'
                        if contains -- $words[1] $argv
                            set -q words[2]; or return 1
                            set -e words[1]
                        end
                        set -e words[1]
                    case '*'
                        set is_begun yes
                        break
                end
            end
            if test $is_begun = no
                contains -- --begun $argv; and return 1
                string match -q -- '-*' "$last"; and return 1
            end
            echo -n (string join " " -- (string escape -- $words) "$last")
        end

        """

    private static func fishValues(_ completion: Completion, isOption: Bool) -> String {
        let start = isOption ? "-x" : ""
        return switch completion {
        case .nothing: start
        case .file: isOption ? "-r -F" : "-F"
        case .process: "\(start) -a '(__fish_complete_pids)'".trimmedStart
        case .words(let words): "\(start) -a \(fishQuoted(words.joined(separator: " ")))".trimmedStart
        }
    }

    // MARK: Quoting

    /// A word for a POSIX shell.
    private static func quoted(_ text: String) -> String {
        "'" + text.replacing("'", with: "'\\''") + "'"
    }

    private static func fishQuoted(_ text: String) -> String {
        "'" + text.replacing("\\", with: "\\\\").replacing("'", with: "\\'") + "'"
    }
}

extension String {
    fileprivate var trimmedStart: String { String(drop { $0 == " " }) }
}
