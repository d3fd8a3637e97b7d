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
        if command.endsAtFirstOperand { return "'*::command:_normal'" }
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
        var script = "# fish completion for loopwatch; made by: loopwatch completion fish\n"
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
            let start = "complete -c loopwatch -n '__fish_seen_subcommand_from \(command.name.rawValue)'"
            for option in command.options {
                script += "\(start) -l \(option.name.dropFirst(2)) -d \(fishQuoted(option.summary))"
                script += option.placeholder == nil ? "\n" : " \(fishValues(option.completion, isOption: true))\n"
            }
            let operands = fishValues(command.completion, isOption: false)
            if !operands.isEmpty { script += "\(start) \(operands)\n" }
        }
        return script
    }

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
