// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// A binary that is mapped into this process: the executable, a library, the vDSO.
struct LoadedImage: Sendable, Hashable {
    /// Path of its file, as it is opened for reading symbols.
    var path: String
    /// File name, without its folder.
    var name: String
    /// Address of its first byte.
    var base: UInt64
    /// Lowest address of its code.
    var textStart: UInt64
    /// Address after its code.
    var textEnd: UInt64
    /// What has to be subtracted from an address to get the address that its symbol table knows.
    var bias: UInt64
    /// Whether the file is ELF, so that symbols can be looked up in it.
    var isELF: Bool
    /// Whose code it holds, as far as its file tells.
    var origin: ImageOrigin
    /// Where the program begins, as its symbol table would count it; `nil` in a library.
    var entry: UInt64?

    /// Whether an address, as the symbol table would count it, is of the C library's code that a program begins with: it calls
    /// `main`, and is on the main thread's stack for as long as that lives.
    func isEntry(_ offset: UInt64) -> Bool { entry.map { offset >= $0 && offset - $0 < Self.entryBytes } ?? false }

    /// Bytes of that code; at least as many as up to its call of `main`.
    private static let entryBytes: UInt64 = 34
}

/// Whose code a binary holds.
enum ImageOrigin: Sendable, Hashable {
    /// The executable or a library of the host; with static linking also the runtime's.
    case host
    /// Swift's libraries and Foundation.
    case runtime
    /// Dispatch and the blocks runtime.
    case dispatch
    /// The system's.
    case system

    /// Tells by the path of the file.
    static func of(path: String, isExecutable: Bool) -> ImageOrigin {
        if isExecutable { return .host }
        let name = path.split(separator: "/").last ?? ""
        if name.hasPrefix("libdispatch.") || name.hasPrefix("libswiftDispatch.") || name.hasPrefix("libBlocksRuntime.")
        {
            return .dispatch
        }
        if isSwiftLibrary(name) { return .runtime }
        if path.hasPrefix("[") { return .system }
        let folders = ["/lib/", "/lib32/", "/lib64/", "/usr/lib/", "/usr/lib32/", "/usr/lib64/", "/nix/store/"]
        return folders.contains { path.hasPrefix($0) } ? .system : .host
    }

    /// The toolchain's libraries are known by name, because images of servers carry them anywhere.
    private static func isSwiftLibrary(_ name: Substring) -> Bool {
        for library in [
            "libFoundation", "lib_Foundation", "libXCTest.", "libTesting.", "lib_Testing", "lib_InternalSwift",
        ]
        where name.hasPrefix(library) {
            return true
        }
        guard name.hasPrefix("libswift"), let next = name.dropFirst(8).utf8.first else { return false }
        return next == 95 || (65...90).contains(next)
    }
}
