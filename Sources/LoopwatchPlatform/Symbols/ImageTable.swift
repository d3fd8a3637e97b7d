// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The binaries that are mapped into this process, for finding the one that holds an address.
///
/// Read from /proc/self/maps and through process_vm_readv(2), which returns an error where a load would crash.
/// `Runtime.ImageMap.capture()` is not used: it loads the first bytes of every mapped file, and so dies of SIGBUS where a
/// file was truncated after it was mapped, and of SIGSEGV where a mapping may not be read or has just gone (both tried
/// with 6.3.1); and once a file's symbols were read, it takes their mapping for the binary's. dl_iterate_phdr(3) is not
/// used either: it takes a lock of the loader.
struct ImageTable: Equatable {
    /// The binaries, in ascending order of their addresses.
    let images: [LoadedImage]

    /// Whether the C library is in no file of its own: the executable holds it.
    let hostHoldsCLibrary: Bool

    /// Creates a table.
    init(images: [LoadedImage]) {
        self.images = images.sorted { $0.textStart < $1.textStart }
        hostHoldsCLibrary = !images.contains { image in
            ["libc.so", "libc-", "libc.musl", "ld-musl"].contains { image.name.hasPrefix($0) }
        }
    }

    /// The binaries of this moment.
    ///
    /// Costs 0.1 to 1 ms. Takes no lock but the kernel's on this process's memory map.
    static func capture() -> ImageTable {
        let executable = executablePath()
        return ImageTable(
            images: ProcessMaps.places(maps: WholeFile.bytes(at: "/proc/self/maps", atMost: SymbolLimits.mapsBytes))
                .map { image(at: $0, executable: executable) }
        )
    }

    /// The binary whose code holds an address.
    func image(holding address: UInt64) -> LoadedImage? {
        var low = 0
        var high = images.count
        while low < high {
            let middle = low + (high - low) / 2
            if images[middle].textEnd <= address { low = middle + 1 } else { high = middle }
        }
        guard low < images.count, images[low].textStart <= address else { return nil }
        return images[low]
    }

    private static func image(at place: ProcessMaps.Place, executable: String?) -> LoadedImage {
        let isExecutable = place.path == executable
        let bias = ELFHeader.bias(of: place.base)
        let deleted = " (deleted)"
        let isDeleted = place.path.hasSuffix(deleted)
        let path = isDeleted ? String(place.path.dropLast(deleted.count)) : place.path
        return LoadedImage(
            // The kernel opens the very file that runs, also after another one was put in its place.
            path: isDeleted ? (isExecutable ? "/proc/self/exe" : place.path) : path,
            name: boundedText(path.split(separator: "/").last.map(String.init) ?? path, SymbolLimits.moduleNameBytes),
            base: place.base,
            textStart: place.textStart,
            textEnd: place.textEnd,
            bias: bias ?? place.base,
            isELF: bias != nil,
            origin: ImageOrigin.of(path: path, isExecutable: isExecutable),
            entry: isExecutable ? ELFHeader.entry(of: place.base) : nil
        )
    }

    /// Path of the executable, as the kernel has it; ` (deleted)` where the file is gone.
    static func executablePath() -> String? { link(at: "/proc/self/exe") }

    private static func link(at path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = readlink(path, &buffer, buffer.count)
        guard length > 0 else { return nil }
        return String(decoding: buffer.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
