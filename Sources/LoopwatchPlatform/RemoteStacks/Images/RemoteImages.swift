// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The binaries and other code of a process, as its table of mappings shows them.
struct RemoteImages {
    private let process: Int32
    private let budget = SegmentCopy.Budget(bytes: UnwindLimits.copiedBytesMost)
    /// The lines of the table that tell of code.
    private var lines: [UInt8] = []
    private var executable: String?
    private var volatileRanges: [SegmentCopy] = []
    /// The binaries, in ascending order of their addresses.
    private(set) var images: [RemoteImage] = []
    /// Code that belongs to none of them.
    private(set) var otherCode: [CodeRange] = []
    private var programs: [ELFProgram] = []
    /// Path of the executable, without ` (deleted)`.
    var executablePath: String { images.first { $0.isExecutable }?.path ?? executable ?? "" }

    /// Describes a process; reads nothing yet.
    init(process: Int32) { self.process = process }

    /// Reads the table of mappings; returns whether there is other code than before, or `nil` if it cannot be read.
    mutating func refresh(_ memory: some ReadableMemory) -> Bool? {
        let maps = WholeFile.bytes(at: "/proc/\(process)/maps", atMost: RemoteStackLimits.mapsBytes)
        guard !maps.isEmpty else { return nil }
        let lines = ProcessMaps.linesOfCode(maps: maps)
        guard lines != self.lines else { return false }
        self.lines = lines
        executable = ProcessLink.target(of: "/proc/\(process)/exe")
        let places = ProcessMaps.places(maps: maps).compactMap { place in
            ELFProgram(memory, at: place.base).map { (place, $0) }
        }
        images = places.compactMap { image(at: $0.0, $0.1) }.sorted { $0.textStart < $1.textStart }
        programs = places.map { $0.1 }
        var code: [CodeRange] = []
        for program in programs {
            for segment in program.segments where segment.isExecutable {
                // Whole pages are mapped.
                let end: UInt64 = segment.address &+ segment.count &+ 4_095
                code.append(CodeRange(start: segment.address & ~4_095, end: end & ~4_095))
            }
        }
        code.sort { $0.start < $1.start }
        otherCode = CodeRange.unaccounted(CodeRange.all(maps: maps), binaries: code)
        return true
    }

    /// - Returns: `nil` if it has no code.
    private func image(at place: ProcessMaps.Place, _ program: ELFProgram) -> RemoteImage? {
        let code = program.segments.filter(\.isExecutable)
        guard let textStart = code.map(\.address).min(), let textEnd = code.map({ $0.address &+ $0.count }).max() else {
            return nil
        }
        let isExecutable = place.path == executable
        let deleted = " (deleted)"
        let isDeleted = place.path.hasSuffix(deleted)
        let path = isDeleted ? String(place.path.dropLast(deleted.count)) : place.path
        var openPath: String? = "/proc/\(process)/root" + path
        if isExecutable { openPath = "/proc/\(process)/exe" }
        if isDeleted && !isExecutable || !path.hasPrefix("/") { openPath = nil }
        return RemoteImage(
            path: path,
            name: boundedText(path.split(separator: "/").last.map(String.init) ?? path, SymbolLimits.moduleNameBytes),
            openPath: openPath,
            inode: place.inode,
            base: place.base,
            textStart: textStart,
            textEnd: textEnd,
            bias: program.bias,
            buildIdentifier: program.buildIdentifier,
            origin: ImageOrigin.of(path: path, isExecutable: isExecutable),
            isExecutable: isExecutable
        )
    }

    /// The binary whose code holds an address.
    func image(holding address: UInt64) -> RemoteImage? {
        var low = 0
        var high = images.count
        while low < high {
            let middle = low + (high - low) / 2
            if images[middle].textEnd <= address { low = middle + 1 } else { high = middle }
        }
        guard low < images.count, images[low].textStart <= address else { return nil }
        return images[low]
    }

    /// Whether an address is one of code that belongs to no binary.
    func isOtherCode(_ address: UInt64) -> Bool {
        otherCode.contains { $0.start <= address && address < $0.end }
    }

    /// What to unwind with.
    ///
    /// - Parameter scriptEngine: the binary that holds V8, whose own code and generated code always have a frame pointer.
    mutating func modules(scriptEngine: RemoteImage?) -> ModuleTable {
        var modules: [Module] = []
        var data: [AddressedBytes] = []
        var copies: [SegmentCopy] = []
        for program in programs {
            let pieces = program.segments.filter(\.isReadable).compactMap { segment in
                copy(of: segment.address, count: segment.count).map { (segment, $0) }
            }
            let readable = pieces.map { AddressedBytes($0.1) }
            let table = program.unwindHeader.flatMap { header in
                readable.first { $0.contains(header) }.flatMap { UnwindTable($0, header: header) }
            }
            for (segment, copy) in pieces where segment.isExecutable {
                let keeps = scriptEngine.map { $0.textStart <= copy.address && copy.address < $0.textEnd } ?? false
                modules.append(module(copy, table, keepsFramePointers: keeps))
            }
            data += readable
            copies += pieces.map { $0.1 }
        }
        volatileRanges = otherCode.compactMap { copy(of: $0.start, count: $0.end - $0.start) }
        for range in volatileRanges { modules.append(module(range, nil, keepsFramePointers: scriptEngine != nil)) }
        return ModuleTable(modules: modules, data: data, copies: copies + volatileRanges)
    }

    private func copy(of address: UInt64, count: UInt64) -> SegmentCopy? {
        SegmentCopy(of: address, count: Int(clamping: count), process: process, budget: budget)
    }

    private func module(_ code: SegmentCopy, _ table: UnwindTable?, keepsFramePointers: Bool) -> Module {
        // That a library was unloaded is seen when the table of mappings is read anew.
        Module(code: AddressedBytes(code), table: table, isPermanent: true, keepsFramePointers: keepsFramePointers)
    }

    /// Forgets what was read of code that may be another by now; returns whether there was any.
    func forgetVolatileCode() -> Bool {
        var wasRead = false
        for range in volatileRanges where range.forget() { wasRead = true }
        return wasRead
    }
}

/// Reads symbolic links under /proc.
enum ProcessLink {
    /// Where a link leads to; `nil` if it may not be read, or there is none.
    static func target(of path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = readlink(path, &buffer, buffer.count)
        guard length > 0 else { return nil }
        return String(decoding: buffer.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
