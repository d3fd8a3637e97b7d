// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Reads the kernel's table of mappings: `/proc/PID/maps` (proc(5)).
enum ProcessMaps {
    /// A binary's place, before its headers are read.
    struct Place: Equatable {
        /// Path as the kernel writes it: with ` (deleted)` where the file is gone.
        var path: String
        /// Where the file's first byte is mapped, or would be.
        var base: UInt64
        /// Lowest address of its executable mappings.
        var textStart: UInt64
        /// Address after them.
        var textEnd: UInt64
        /// Number of the file; 0 for the vDSO.
        var inode: UInt64 = 0
    }

    /// Files with executable mappings, in ascending order of their addresses.
    ///
    /// One file may be mapped several times: whoever reads its symbols maps it as data. So an executable mapping belongs
    /// to the nearest mapping of the same file before it that begins at the file's beginning.
    static func places(maps text: some Collection<UInt8>) -> [Place] {
        var places: [Place] = []
        var file: (path: Substring, inode: Substring, base: UInt64)?
        for line in text.split(separator: 10) {
            guard let mapping = Mapping(String(decoding: line, as: UTF8.self)) else { continue }
            if mapping.inode == "0", mapping.path != "[vdso]" {
                // Anonymous memory lies between and after the mappings of a binary, and does not end it.
                if !mapping.path.isEmpty { file = nil }
                continue
            }
            if mapping.offset == 0 || file?.path != mapping.path || file?.inode != mapping.inode {
                let base = mapping.start >= mapping.offset ? mapping.start - mapping.offset : mapping.start
                file = (mapping.path, mapping.inode, base)
            }
            guard mapping.isExecutable, let file, !mapping.path.isEmpty else { continue }
            if let last = places.last, last.base == file.base, last.path == String(file.path) {
                places[places.count - 1].textEnd = mapping.end
            } else if places.count < SymbolLimits.images {
                places.append(
                    Place(
                        path: String(file.path),
                        base: file.base,
                        textStart: mapping.start,
                        textEnd: mapping.end,
                        inode: UInt64(file.inode) ?? 0
                    )
                )
            }
        }
        return places
    }

    /// The lines that ``places(maps:)`` and ``CodeRange`` can tell anything of: those of files, and of what may be executed.
    ///
    /// Memory that a process merely takes or gives back, for its heap or for the stack of a thread, makes no difference.
    static func linesOfCode(maps text: [UInt8]) -> [UInt8] {
        var lines: [UInt8] = []
        lines.reserveCapacity(text.count)
        var start = 0
        while start < text.count {
            let end = text[start...].firstIndex(of: 10) ?? text.count
            // Field 1 is what is permitted, field 4 the number of the file.
            var field = 0
            var index = start
            var isOfCode = false
            while index < end, field < 5, !isOfCode {
                if text[index] == UInt8(ascii: " ") {
                    field += 1
                } else if field == 1 {
                    isOfCode = text[index] == UInt8(ascii: "x")
                } else if field == 4 {
                    isOfCode = text[index] != UInt8(ascii: "0")
                    field = 5
                }
                index += 1
            }
            if isOfCode { lines += text[start..<min(end + 1, text.count)] }
            start = end + 1
        }
        return lines
    }

    private struct Mapping {
        var start: UInt64
        var end: UInt64
        var isExecutable: Bool
        var offset: UInt64
        var inode: Substring
        var path: Substring

        /// `START-END PERMISSIONS OFFSET DEVICE INODE   PATH`, numbers in hexadecimal but for the inode.
        init?(_ line: String) {
            let fields = line.split(separator: " ", maxSplits: 5, omittingEmptySubsequences: true)
            guard fields.count >= 5, let dash = fields[0].firstIndex(of: "-") else { return nil }
            guard let start = UInt64(fields[0][..<dash], radix: 16), let offset = UInt64(fields[2], radix: 16),
                let end = UInt64(fields[0][fields[0].index(after: dash)...], radix: 16), start < end
            else { return nil }
            self.start = start
            self.end = end
            isExecutable = fields[1].utf8.count > 2 && Array(fields[1].utf8)[2] == UInt8(ascii: "x")
            self.offset = offset
            inode = fields[4]
            path = fields.count > 5 ? fields[5].drop { $0 == " " } : ""
        }
    }
}
