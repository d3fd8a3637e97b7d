// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// How files and lines are asked of the process that reads them, and how it answers: lines of text.
///
/// A question is an address in hexadecimal digits. Its answer is the address again, the number of functions, and of each
/// function four lines: its symbol, its name, its file and its line, each empty where it is not known.
enum LineRequest {
    /// Longest text of one answer that is taken, in bytes.
    static let answerBytesMost = 256 * 1_024
    /// Most functions in one answer.
    private static let functionsMost = SymbolLimits.inlinedFrames

    /// The text of a question.
    static func question(_ address: UInt64) -> [UInt8] { Array((String(address, radix: 16) + "\n").utf8) }

    /// The address that is asked for; `nil` if it is no question.
    static func address(_ line: some Collection<UInt8>) -> UInt64? {
        guard line.count <= 16 else { return nil }
        return UInt64(String(decoding: line, as: UTF8.self), radix: 16)
    }

    /// The text of an answer.
    static func answer(_ address: UInt64, _ functions: [RuntimeSymbols.Function]) -> [UInt8] {
        let functions = functions.prefix(functionsMost)
        var lines = [String(address, radix: 16), String(functions.count)]
        for function in functions {
            lines += [
                function.symbol, function.displayName, function.file ?? "", function.line.map { String($0) } ?? "",
            ]
        }
        var bytes: [UInt8] = []
        for line in lines {
            bytes += line.utf8.prefix(SymbolLimits.mangledNameBytes).map { $0 == 10 ? 32 : $0 }
            bytes.append(10)
        }
        return bytes
    }

    /// Takes the first answer off what was read.
    ///
    /// - Returns: `nil` as long as it is not whole.
    /// - Throws: ``Unsound`` for what is no answer.
    static func takeAnswer(
        from bytes: inout [UInt8]
    ) throws(Unsound) -> (address: UInt64, functions: [RuntimeSymbols.Function])? {
        var rest = bytes[...]
        func line() -> String? {
            guard let end = rest.firstIndex(of: 10) else { return nil }
            defer { rest = rest[(end + 1)...] }
            return String(decoding: rest[..<end], as: UTF8.self)
        }
        guard let first = line(), let second = line() else {
            guard bytes.count <= answerBytesMost else { throw Unsound() }
            return nil
        }
        guard let address = UInt64(first, radix: 16), let count = Int(second), (0...functionsMost).contains(count)
        else {
            throw Unsound()
        }
        var functions: [RuntimeSymbols.Function] = []
        for _ in 0..<count {
            guard let symbol = line(), let name = line(), let file = line(), let number = line() else {
                guard bytes.count <= answerBytesMost else { throw Unsound() }
                return nil
            }
            functions.append(
                RuntimeSymbols.Function(
                    symbol: symbol,
                    displayName: name,
                    file: file.isEmpty ? nil : file,
                    line: Int(number)
                )
            )
        }
        bytes = Array(rest)
        return (address, functions)
    }

    /// What was read is no answer.
    struct Unsound: Error {}
}
