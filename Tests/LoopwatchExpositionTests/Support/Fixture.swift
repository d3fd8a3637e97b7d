// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing

/// Files that tests compare with, which lie beside the test targets.
enum Fixture {
    /// Reads a file of `Tests/Fixtures/exposition`.
    static func bytes(_ name: String) throws -> [UInt8] {
        try bytes(at: path(of: name))
    }

    private static func bytes(at path: String) throws -> [UInt8] {
        guard let file = fopen(path, "rb") else { throw ExpositionFault("cannot open \(path)") }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        while true {
            let byte = fgetc(file)
            if byte == EOF { return bytes }
            bytes.append(UInt8(truncatingIfNeeded: byte))
        }
    }

    /// Where a file lies.
    static func path(of name: String) -> String {
        "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/") + "/Fixtures/exposition/" + name
    }

    /// The folder that everything lies in.
    static let repository = "/" + #filePath.split(separator: "/").dropLast(4).joined(separator: "/")

    /// Reads a text file by its path in the repository.
    static func text(inRepository path: String) throws -> String {
        String(decoding: try bytes(at: repository + "/" + path), as: UTF8.self)
    }

    /// Reads a text file of `Tests/Fixtures/exposition`.
    static func text(_ name: String) throws -> String {
        String(decoding: try bytes(name), as: UTF8.self)
    }
}

extension Fixture {
    /// Compares bytes with a file; with `LOOPWATCH_RECORD_FIXTURES` in the environment, writes the file instead.
    static func expect(_ bytes: [UInt8], toEqual name: String) throws {
        if getenv("LOOPWATCH_RECORD_FIXTURES") != nil {
            guard let file = fopen(path(of: name), "wb") else { throw ExpositionFault("cannot write \(name)") }
            defer { fclose(file) }
            fwrite(bytes, 1, bytes.count, file)
            return
        }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        let golden = try text(name).split(separator: "\n", omittingEmptySubsequences: false)
        for (line, expected) in zip(lines, golden) { #expect(line == expected) }
        #expect(lines.count == golden.count)
    }
}
