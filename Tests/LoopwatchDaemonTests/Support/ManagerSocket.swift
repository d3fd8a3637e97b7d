// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchCore
import LoopwatchPlatform

/// The datagram socket by which a service manager hears its services.
///
/// Belongs to one thread.
final class ManagerSocket {
    private let descriptor: CInt

    /// Binds to a path, or to `@` and a name in the abstract namespace.
    init(_ name: String) throws {
        descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(name.utf8)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        if name.hasPrefix("@") { address.sun_path.0 = 0 }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
        }
        guard result == 0 else { throw SystemError(operation: "bind \(name)") }
    }

    deinit { close(descriptor) }

    /// The next datagram that has come; `nil` if none has.
    func next() -> String? {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        let count = recv(descriptor, &buffer, buffer.count, CInt(MSG_DONTWAIT))
        return count >= 0 ? String(decoding: buffer.prefix(count), as: UTF8.self) : nil
    }

    /// Waits until a datagram fulfils the condition; returns it and those before it, in order.
    ///
    /// - Throws: ``NeverHappened``, with what came instead.
    func messages(until what: String, where matches: (String) -> Bool) throws -> [String] {
        let deadline = Clock.now().advanced(byNanoseconds: 60_000_000_000)
        var messages: [String] = []
        while true {
            while let message = next() {
                messages.append(message)
                if matches(message) { return messages }
            }
            guard Clock.now() < deadline else {
                throw NeverHappened(description: "never came: \(what); instead: \(messages)")
            }
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            poll(&entry, 1, 100)
        }
    }
}
