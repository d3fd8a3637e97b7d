// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// A binary that is mapped into another process.
struct RemoteImage: Equatable {
    /// Path, as the process has it.
    var path: String
    /// File name, without its folder.
    var name: String
    /// Path under which this process can open its file; `nil` where there is no way to it.
    var openPath: String?
    /// Number of its file.
    var inode: UInt64
    /// Address of its first byte.
    var base: UInt64
    /// Lowest address of its code.
    var textStart: UInt64
    /// Address after its code.
    var textEnd: UInt64
    /// What has to be subtracted from an address to get the one that its symbols have.
    var bias: UInt64
    /// The linker's identifier of what it built; empty where there is none.
    var buildIdentifier: [UInt8]
    /// Whose code it holds, as far as its file tells.
    var origin: ImageOrigin
    /// Whether it is the executable.
    var isExecutable: Bool

    /// The same as binaries of this process are described.
    var loaded: LoadedImage {
        LoadedImage(
            path: path,
            name: name,
            base: base,
            textStart: textStart,
            textEnd: textEnd,
            bias: bias,
            isELF: true,
            origin: origin
        )
    }
}
