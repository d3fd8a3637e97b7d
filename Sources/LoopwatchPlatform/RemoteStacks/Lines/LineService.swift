// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The process that reads files and lines of one executable for another, which it may not take with it: the toolchain's
/// symboliser takes debug information for sound, and ends the process where it is not (of 150 executables with damage to
/// theirs 20 did that), or reads on without end.
///
/// It serves its parent alone, and ends when that does, or when one answer has taken too long.
package enum LineService {
    /// The command by which the program `loopwatch` serves.
    package static let command = "read-lines"
    /// The program that serves.
    package static let program = "/proc/self/exe"

    /// The descriptor of the executable that is read.
    static let fileDescriptor: CInt = 3
    /// Seconds for one answer, after which a signal ends the process.
    private static let answerSeconds: CUnsignedInt = 20
    /// Memory that it may take, besides twice the size of the file, in bytes.
    private static let memoryBytes: UInt64 = 2 << 30

    /// What is read, as arguments of the program: the addresses at which the executable lies.
    static func arguments(for image: LoadedImage) -> [String] {
        [command] + [image.base, image.textStart, image.textEnd, image.bias].map { String($0, radix: 16) }
    }

    /// Answers until it is not needed any more; returns what the process is to end with.
    ///
    /// - Parameter arguments: what follows the command.
    package static func run(_ arguments: [String]) -> Int32 {
        let places = arguments.compactMap { UInt64($0, radix: 16) }
        var status = stat()
        // Only as a child of the daemon: people have nothing of it.
        guard places.count == 4, arguments.count == 4, fstat(fileDescriptor, &status) == 0 else { return 64 }
        limit(fileBytes: UInt64(max(0, status.st_size)))
        let image = LoadedImage(
            path: "/proc/self/fd/\(fileDescriptor)",
            name: "",
            base: places[0],
            textStart: places[1],
            textEnd: places[2],
            bias: places[3],
            isELF: true,
            origin: .host
        )
        let symbols = RuntimeSymbols(ImageTable(images: [image]))
        var unread: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while true {
            let count = retryingInterrupted { read(STDIN_FILENO, &buffer, buffer.count) }
            guard count > 0 else { return 0 }
            unread += buffer[..<count]
            while let end = unread.firstIndex(of: 10) {
                guard let address = LineRequest.address(unread[..<end]) else { return 64 }
                unread.removeFirst(end + 1)
                _ = alarm(answerSeconds)
                let isWithin = image.textStart <= address && address < image.textEnd
                let functions = isWithin ? symbols.linedFunctions(at: address) : []
                _ = alarm(0)
                guard write(LineRequest.answer(address, functions)) else { return 0 }
            }
        }
    }

    /// Keeps what goes wrong within bounds: no memory without end, and no image of it on a disk.
    private static func limit(fileBytes: UInt64) {
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
        let bytes = memoryBytes + 2 * fileBytes
        var memory = rlimit(rlim_cur: rlim_t(bytes), rlim_max: rlim_t(bytes))
        setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &memory)
    }

    private static func write(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { piece in
                retryingInterrupted {
                    send(STDOUT_FILENO, piece.baseAddress!, piece.count, CInt(MSG_NOSIGNAL))
                }
            }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }
}
