// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Files that tests compare with, which lie beside the test targets.
enum Fixture {
    /// Reads a file of `Tests/Fixtures/exposition`.
    static func bytes(_ name: String) throws -> [UInt8] {
        let folders = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let path = "/\(folders)/Fixtures/exposition/\(name)"
        guard let file = fopen(path, "rb") else { throw ExpositionFault("cannot open \(path)") }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        while true {
            let byte = fgetc(file)
            if byte == EOF { return bytes }
            bytes.append(UInt8(truncatingIfNeeded: byte))
        }
    }

    /// Reads a text file of `Tests/Fixtures/exposition`.
    static func text(_ name: String) throws -> String {
        String(decoding: try bytes(name), as: UTF8.self)
    }
}
