// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// The text of /proc/PID/status (proc(5)).
struct ProcessStatus {
    private let lines: [ArraySlice<UInt8>]

    init(_ text: [UInt8]) { lines = text.split(separator: 10) }

    /// The fields of a line, such as `Uid:`; `nil` if there is no such line.
    private func fields(_ name: String) -> [ArraySlice<UInt8>]? {
        guard let line = lines.first(where: { $0.starts(with: name.utf8) }) else { return nil }
        return line.dropFirst(name.utf8.count).split { $0 == 9 || $0 == 32 }
    }

    /// A number in a line, by default the first.
    func decimal(_ name: String, at index: Int = 0) -> UInt64? {
        guard let fields = fields(name), fields.indices.contains(index) else { return nil }
        return UInt64(String(decoding: fields[index], as: UTF8.self))
    }

    /// The set of bits in a line, such as `CapPrm:`.
    func bits(_ name: String) -> UInt64? {
        fields(name)?.first.flatMap { UInt64(String(decoding: $0, as: UTF8.self), radix: 16) }
    }
}
