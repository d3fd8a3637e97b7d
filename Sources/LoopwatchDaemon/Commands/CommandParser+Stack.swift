// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

extension CommandParser {
    /// Reads what follows `stack`.
    mutating func stack() throws(CommandError) -> Command {
        var numbers: [Int32] = []
        var options = StackOptions(process: 0)
        while let argument = rest.popFirst() {
            switch argument {
            case "-h", "--help": return .help(.stack)
            case "--no-stop": options.allowsStop = false
            case "--detailed": options.isDetailed = true
            case _ where argument.hasPrefix("-"):
                throw .usage(
                    "'\(argument)' is not an option of stack; expected --no-stop or --detailed."
                        + " See loopwatch stack --help."
                )
            case _ where numbers.count == 2:
                throw .usage("'\(argument)' is not understood; expected nothing after PID and TID.")
            default:
                guard let number = Self.identifier(argument) else {
                    let name = numbers.isEmpty ? "PID" : "TID"
                    throw .usage(
                        option: name,
                        value: argument,
                        expected: "the number of a \(Self.things[numbers.count])"
                    )
                }
                numbers.append(number)
            }
        }
        guard let process = numbers.first else {
            throw .usage("PID is missing; expected the number of a process. See loopwatch stack --help.")
        }
        options.process = process
        options.thread = numbers.count > 1 ? numbers[1] : nil
        return .stack(options)
    }

    private static let things = ["process", "thread"]

    private static func identifier(_ text: String) -> Int32? {
        guard text.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int32(text), number > 0 else { return nil }
        return number
    }
}
