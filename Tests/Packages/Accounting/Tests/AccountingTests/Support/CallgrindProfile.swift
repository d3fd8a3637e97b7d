// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What callgrind wrote: instructions of each function, without those of the functions that it calls.
///
/// Format: valgrind manual, "Callgrind Format Specification". A name comes with its number the first time, and afterwards
/// as its number alone; the line after `calls=` is the cost of what was called.
struct CallgrindProfile {
    private(set) var instructions: [String: Int] = [:]

    init(_ text: String) {
        var names: [Substring: Substring] = [:]
        var function = ""
        var isCallee = false
        for line in text.split(separator: "\n") {
            if line.hasPrefix("fn=") {
                let name = line.dropFirst(3)
                let end = name.firstIndex(of: ")") ?? name.startIndex
                let number = name[...end]
                let rest = name[end...].dropFirst(2)
                if !rest.isEmpty { names[number] = rest }
                function = String(names[number] ?? number)
            } else if line.hasPrefix("cfn="), let end = line.firstIndex(of: ")") {
                let rest = line[end...].dropFirst(2)
                if !rest.isEmpty { names[line[...end].dropFirst(4)] = rest }
            } else if line.hasPrefix("calls=") {
                isCallee = true
            } else if let first = line.utf8.first,
                first == 43 || first == 45 || first == 42 || (48...57).contains(first)
            {
                // A position, absolute or from the last one, and the cost.
                let fields = line.split(separator: " ")
                if !isCallee, fields.count == 2, let cost = Int(fields[1]) {
                    instructions[function, default: 0] += cost
                }
                isCallee = false
            }
        }
    }
}
