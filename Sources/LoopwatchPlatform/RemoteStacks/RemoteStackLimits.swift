// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Every bound of reading other processes' stacks, with its reason: what is read there may be garbage or made to mislead.
package enum RemoteStackLimits {
    /// Frames of one stack, native ones and interpreters' together, before names.
    package static let frames = 512
    /// Bytes of stack that are copied while a thread is stopped: deep enough for the application, short enough to copy in
    /// some 10 us.
    static let stoppedStackBytes = 64 * 1024
    /// Bytes of a process's table of mappings that are read.
    static let mapsBytes = SymbolLimits.mapsBytes
    /// Ranges of memory with code that are known at once: one a library, and V8 has some dozen of its own.
    static let codeRanges = 4_096
    /// Nanoseconds after which the table of mappings is read again before it is used.
    static let mapsAgeNanoseconds: Int64 = 10_000_000_000
    /// Nanoseconds between two looks at it on account of an address that no mapping holds.
    static let mapsRefreshNanoseconds: Int64 = 1_000_000_000
    /// Threads whose files are kept open, two descriptors each.
    static let threadFilesKept = 64
    /// Times that a thread that went on is read again.
    static let readings = 3
    /// Addresses whose names are kept.
    static let addressesCached = SymbolLimits.addressesCached
    /// Threads of a process that are listed.
    package static let threads = 4_096

    /// Functions of one symbol table that are kept, 16 bytes each: three times those of a large browser's.
    static let functionsOfFile = 1_500_000
    /// Functions of all symbol tables that are kept.
    static let functionsOfAllFiles = 4_000_000
    /// Files whose symbols are kept, each with an open descriptor.
    static let symbolFiles = 128
    /// Builds of executables of which files and lines are read, each with an open descriptor and a process that reads them.
    static let linedFiles = 32
    /// Bytes of such an executable.
    static let linedFileBytes: Int64 = 1024 * 1024 * 1024
    /// Nanoseconds for which files and lines of one stack are looked for; the rest is had when it is read again.
    package static let lineNanoseconds: Int64 = 30_000_000
    /// Bytes of a symbol table that are read at once.
    static let symbolPieceBytes = 24 * 16_384
    /// Bytes of a table of names in which names are looked for as a whole.
    static let nameTableBytes = 64 * 1024 * 1024
    /// Symbols of V8's description of itself that are kept; version 13 has some 900.
    static let describingSymbols = 8_192
    /// Bytes of notes in which a build identifier is looked for.
    static let noteBytes = 4_096
    /// Functions of one start that differ in their names that are compared.
    static let aliases = 8
    /// Bytes of a `perf-PID.map`, from its end: the latest entries are the right ones.
    static let perfMapBytes = 16 * 1024 * 1024

    /// Sub-interpreters of one CPython that are gone through.
    static let interpreters = 64
    /// Threads of one interpreter that are gone through.
    static let interpreterThreads = 4_096
    /// Threads that are read beforehand, so that their code is known when a stack is wanted.
    static let threadsPrepared = 16
    /// Frames of one Python thread.
    static let pythonFrames = 512
    /// Times that the frames of a thread that runs are read until readings agree.
    static let pythonReadings = 5
    /// Innermost frames of a thread that runs which are read several times in one call.
    static let pythonFramesChecked = 48
    /// Times that they are read in that call: all that fit into it.
    static let pythonPasses = 10
    /// Bytes of a code object's table of lines: a module of 10,000 lines has some 100 KB.
    static let pythonLineTableBytes = 1024 * 1024
    /// Characters of a Python string.
    static let pythonStringCharacters = 1_024
    /// Code objects whose names and tables are kept.
    static let pythonCodes = 1_024

    /// Functions of JavaScript whose names are kept.
    static let scriptFunctions = 1_024
    /// Characters of a JavaScript string, but for sources.
    static let scriptStringCharacters = 1_024
    /// Depth of a JavaScript string that is made of others.
    static let scriptStringDepth = 8
    /// Characters of a source in which lines are counted.
    static let scriptSourceCharacters = 16 * 1024 * 1024
    /// Sources whose lines are kept, 4 bytes a line.
    static let scriptSources = 64
    /// Lines of one source.
    static let scriptLines = 500_000
    /// Local names in a scope's description before its function's name.
    static let scopeLocals = 16_384
}
