// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

package import LoopwatchCore

/// Gives names to the frames of captured stacks.
///
/// For one thread at a time, and best always the same: the toolchain's symboliser keeps what it read of a binary for each
/// thread. Never the watchdog's: a first look into a binary reads its symbol table, which takes milliseconds and allocates.
/// It takes no lock that a blocked thread may hold, but the allocator's and, for compressed debug information, the
/// loader's; then reports come late.
package final class Symbolizer {
    /// What symbolication has cost.
    package struct Statistics: Sendable, Equatable {
        /// Addresses whose names are kept.
        package var addressesCached = 0
        /// Stacks that are kept.
        package var stacksCached = 0
        /// Addresses that were asked for, but for those of stacks that were kept.
        package var lookups = 0
        /// Addresses that had to be looked up in a binary.
        package var misses = 0
        /// Addresses that were forgotten for want of room.
        package var evictions = 0
        /// Binaries that are known.
        package var images = 0
        /// Nanoseconds spent.
        package var nanoseconds: Int64 = 0
        /// Whether the toolchain's symboliser can be used; without it there are only exported names and offsets.
        package var isComplete = false

        /// Nothing yet.
        package init() {}
    }

    private var table = ImageTable(images: [])
    private var symbols = RuntimeSymbols(ImageTable(images: []))
    private var exported = GenerationCache<String, ExportedSymbols>(capacity: SymbolLimits.exportedTables)
    private var addresses: GenerationCache<UInt64, [NamedFrame]>
    /// Names that were found in a hurry, of addresses of which there is more to be known.
    private var hurried: GenerationCache<UInt64, [NamedFrame]>
    private var stacks: GenerationCache<RawStack, Stack>
    private var hostModule: String?
    private var lastRefresh: MonotonicInstant?
    private var counts = Statistics()
    private let stackCPUNanoseconds: Int64

    /// Creates a symboliser; reads nothing yet.
    package convenience init() {
        self.init(
            addressesCached: SymbolLimits.addressesCached,
            stacksCached: SymbolLimits.stacksCached,
            stackCPUNanoseconds: SymbolLimits.stackCPUNanoseconds
        )
    }

    /// Creates a symboliser with other limits.
    init(addressesCached: Int, stacksCached: Int, stackCPUNanoseconds: Int64) {
        self.stackCPUNanoseconds = stackCPUNanoseconds
        addresses = GenerationCache(capacity: addressesCached)
        hurried = GenerationCache(capacity: addressesCached)
        stacks = GenerationCache(capacity: stacksCached)
    }

    /// What it has cost until now.
    package var statistics: Statistics {
        var statistics = counts
        statistics.addressesCached = addresses.count
        statistics.stacksCached = stacks.count
        statistics.evictions = addresses.evictions
        statistics.images = table.images.count
        statistics.isComplete = symbols.isAvailable
        return statistics
    }

    /// Pays now what the first call costs: the table of binaries, and the symbols of the executable.
    ///
    /// - Parameter goesOn: asked now and then whether to go on.
    package func warmUp(while goesOn: () -> Bool = { true }) {
        timed {
            refreshImages(at: Clock.now(), olderThan: 0)
            if goesOn(), let host = table.images.first(where: { $0.origin == .host }) {
                _ = symbols.functions(at: host.textStart)
            }
            // Of the others only names are ever shown.
            for image in table.images where image.origin != .host && image.isELF && image.path.hasPrefix("/") {
                guard goesOn() else { return }
                _ = symbols.functions(at: image.textStart, inHurry: true)
                _ = exportedName(at: image.textStart &- image.bias, in: image)
            }
        }
    }

    /// The stack with names.
    ///
    /// Frames that no binary holds are kept, as unknown; thunks that only repeat a frame are not. An address that is new
    /// costs from 1 ms in a release binary to 20 ms in a large debug one, a stack that is known some microseconds.
    ///
    /// - Parameters:
    ///   - raw: the stack.
    ///   - nanoseconds: after so long, frames that are not known yet get their names without lines and inlined functions,
    ///     innermost frames first; what was left out is had by asking again.
    package func stack(for raw: RawStack, within nanoseconds: Int64 = .max) -> Stack {
        timed {
            let now = Clock.now()
            refreshImages(at: now, olderThan: SymbolLimits.imageAgeNanoseconds)
            if let stack = stacks.value(for: raw) { return stack }
            var assembly = StackAssembly()
            let thread = OwnThread.currentIdentifier
            let start = Clock.threadCPUNanoseconds(of: thread) ?? 0
            var isComplete = true
            for frame in raw.frames.prefix(SymbolLimits.frames) {
                let inHurry =
                    (Clock.threadCPUNanoseconds(of: thread) ?? start) - start > stackCPUNanoseconds
                    || Clock.now().nanoseconds(since: now) > nanoseconds
                assembly.append(frames(for: frame, at: now, inHurry: inHurry), from: frame)
                // However little time there was, what was found before is whole.
                isComplete = isComplete && addresses.value(for: Self.place(of: frame)) != nil
            }
            let isTruncated = raw.isTruncated || raw.frames.count > SymbolLimits.frames
            let stack = Stack(frames: assembly.frames, isTruncated: isTruncated)
            // What is unknown now may be known when its library is found; what was left out may be had next time.
            if isComplete, !stack.frames.contains(where: { $0.origin == .unknown }) { stacks.insert(stack, for: raw) }
            return stack
        }
    }

    /// Whether all that is to be known of a stack is known, so that asking again tells no more.
    package func isComplete(_ raw: RawStack) -> Bool { stacks.value(for: raw) != nil }

    /// Looks for names of a stack that are not known yet, all that is to be known of one address after another, until a time
    /// is over; returns whether there are no more to be looked for.
    package func advance(_ raw: RawStack, within nanoseconds: Int64) -> Bool {
        timed {
            let now = Clock.now()
            refreshImages(at: now, olderThan: SymbolLimits.imageAgeNanoseconds)
            for frame in raw.frames.prefix(SymbolLimits.frames) where addresses.value(for: Self.place(of: frame)) == nil
            {
                if Clock.now().nanoseconds(since: now) > nanoseconds { return false }
                // What no binary holds is not known afterwards either.
                _ = frames(for: frame, at: now, inHurry: false)
            }
            return true
        }
    }

    /// The address to look up for a frame.
    private static func place(of frame: RawFrame) -> UInt64 {
        frame.isReturnAddress ? frame.address &- 1 : frame.address
    }

    /// The frames that one address stands for, the innermost inlined one first.
    private func frames(for frame: RawFrame, at now: MonotonicInstant, inHurry: Bool) -> [NamedFrame] {
        let address = Self.place(of: frame)
        counts.lookups += 1
        if let known = addresses.value(for: address) { return known }
        if inHurry, let known = hurried.value(for: address) { return known }
        if table.image(holding: address) == nil {
            refreshImages(at: now, olderThan: SymbolLimits.imageRefreshNanoseconds)
        }
        guard let image = table.image(holding: address) else {
            let unknown = StackFrame(function: "0x" + String(frame.address, radix: 16), module: "", origin: .unknown)
            return [NamedFrame(frame: unknown, kind: .function)]
        }
        counts.misses += 1
        // Of code that is not the host's only names are shown, which costs little.
        let inHurry = inHurry && image.origin == .host
        let frames = lookUp(address, in: image, inHurry: inHurry || image.origin != .host)
        if inHurry { hurried.insert(frames, for: address) } else { addresses.insert(frames, for: address) }
        return frames
    }

    private func lookUp(_ address: UInt64, in image: LoadedImage, inHurry: Bool) -> [NamedFrame] {
        let offset = address &- image.bias
        let isFile = image.isELF && image.path.hasPrefix("/")
        var functions: [RuntimeSymbols.Function] = []
        if isFile {
            let isLined = image.origin == .host && !inHurry
            functions =
                isLined ? symbols.linedFunctions(at: address) : symbols.functions(at: address, inHurry: inHurry)
        }
        // The C library's internal names of a function are not those that people know: __GI___nanosleep.
        if functions.isEmpty || image.origin == .system, let name = exportedName(at: offset, in: image) {
            let outermost = functions.popLast()
            functions.append(.init(symbol: name, displayName: "", file: outermost?.file, line: outermost?.line))
        }
        let naming = FunctionNaming(hostModule: hostModule, hostHoldsCLibrary: table.hostHoldsCLibrary)
        let frames = naming.frames(of: functions, at: offset, in: image)
        return frames.isEmpty ? [NamedFrame(frame: Self.nameless(offset, in: image), kind: .function)] : frames
    }

    /// A frame without a name: the binary and the offset in it.
    static func nameless(_ offset: UInt64, in image: LoadedImage) -> StackFrame {
        let isEntry = image.isEntry(offset)
        return StackFrame(
            function: isEntry ? "_start" : image.name + "+0x" + String(offset, radix: 16),
            module: image.name,
            moduleOffset: offset,
            origin: isEntry ? .system : FrameClassifier.origin(in: image.origin, symbol: nil, name: nil)
        )
    }

    private func exportedName(at offset: UInt64, in image: LoadedImage) -> String? {
        guard image.isELF, image.path.hasPrefix("/") else { return nil }
        if let table = exported.value(for: image.path) { return table.name(at: offset) }
        let table = ExportedSymbols(path: image.path)
        exported.insert(table, for: image.path)
        return table.name(at: offset)
    }

    /// Reads the table of binaries again, unless that was done a moment ago; forgets names where it has changed.
    private func refreshImages(at now: MonotonicInstant, olderThan age: Int64) {
        if let lastRefresh, now.nanoseconds - lastRefresh.nanoseconds < age { return }
        lastRefresh = now
        let table = ImageTable.capture()
        guard table != self.table else { return }
        // A library that was added changes no name that is known; one that is gone or has moved does.
        if !Set(table.images).isSuperset(of: self.table.images) {
            addresses.removeAll()
            hurried.removeAll()
            stacks.removeAll()
            exported.removeAll()
        }
        self.table = table
        symbols = RuntimeSymbols(table)
        hostModule = Self.moduleName(of: ImageTable.executablePath())
    }

    /// The module that the compiler makes of an executable's name (SwiftPM's `c99name`).
    static func moduleName(of path: String?) -> String? {
        guard var name = path?.split(separator: "/").last else { return nil }
        let deleted = " (deleted)"
        if name.hasSuffix(deleted) { name = name.dropLast(deleted.count) }
        let letters = name.unicodeScalars.map { scalar in
            let isKept = scalar.properties.isAlphabetic || scalar.properties.numericType != nil || scalar == "_"
            return isKept ? Character(scalar) : "_"
        }
        return String(letters)
    }

    private func timed<Result>(_ body: () -> Result) -> Result {
        let start = Clock.now()
        defer { counts.nanoseconds += Clock.now().nanoseconds - start.nanoseconds }
        return body()
    }
}
