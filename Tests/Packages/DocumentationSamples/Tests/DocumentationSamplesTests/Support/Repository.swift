// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials

/// The files of the repository that these tests read.
enum Repository {
    /// The folder of this package.
    static let package = "/" + #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
    /// The folder that everything lies in.
    static let root = "/" + package.split(separator: "/").dropLast(3).joined(separator: "/")

    /// Reads a text.
    static func text(_ path: String) throws -> String {
        try String(contentsOfFile: path, encoding: .utf8)
    }

    /// The paths of all files below a folder whose name ends so.
    static func files(below folder: String, ending: String) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: folder).sorted()
            .filter { $0.hasSuffix(ending) && !$0.contains(".build") }
            .map { folder + "/" + $0 }
    }
}

extension Repository {
    /// Where the programs are that are built beside the tests.
    static func products() throws -> String {
        let test = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return "/" + test.split(separator: "/").dropLast().joined(separator: "/")
    }
}
