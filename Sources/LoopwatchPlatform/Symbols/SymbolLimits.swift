// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Every bound of symbolication, with its reason.
package enum SymbolLimits {
    /// Addresses whose names are kept: a server blocks in hundreds of places, not in thousands.
    package static let addressesCached = 8_192
    /// Whole stacks that are kept, so that reports of one place share their frames.
    package static let stacksCached = 256
    /// Loaded binaries that are told apart: a large server has some hundred.
    static let images = 1_024
    /// Bytes of /proc/self/maps that are read: some 80,000 mappings, above the kernel's default limit of 65,530.
    static let mapsBytes = 8 << 20
    /// Program headers of a binary that are looked at; linkers write about a dozen.
    static let programHeaders = 64
    /// Section headers of a binary that are looked at; linkers write about 40.
    static let sectionHeaders = 512
    /// Bytes of a table of exported symbols, and of its names: ten times what libc and libstdc++ have.
    static let exportedTableBytes = 8 << 20
    /// Binaries whose exported symbols are kept.
    static let exportedTables = 64
    /// Longest mangled name that is demangled, in bytes: longer ones exist, but nobody reads them.
    static let mangledNameBytes = 8_192
    /// Longest name of a function in a report, in UTF-8 bytes.
    package static let functionNameBytes = 256
    /// Longest path of a source file in a report, in UTF-8 bytes; of a longer one its end is kept.
    static let sourcePathBytes = 512
    /// Longest name of a binary in a report, in UTF-8 bytes.
    static let moduleNameBytes = 128
    /// Frames that one address may stand for: inlined functions, the innermost first.
    static let inlinedFrames = 32
    /// Frames of a stack that are given names; the rest is left out, and the stack marked as truncated.
    static let frames = 512
    /// Nesting of closures and local functions that a name shows.
    static let nameContexts = 8
    /// Nanoseconds between two looks at the table of loaded binaries on account of an unknown address.
    static let imageRefreshNanoseconds: Int64 = 1_000_000_000
    /// Nanoseconds after which that table is read again before it is used: a binary may have gone, and another come.
    static let imageAgeNanoseconds: Int64 = 10_000_000_000
    /// CPU time in nanoseconds after which the other frames of a stack are given their names without lines and inlined
    /// functions, which in a large binary take milliseconds for each new address.
    static let stackCPUNanoseconds: Int64 = 1_000_000_000
}
