// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// What a file descriptor of this process is, in words for a report: `/srv/app.db`, `pipe`, `tcp 10.0.0.5:5432`.
package enum FileDescriptorDescription {
    /// Longest description, in UTF-8 bytes.
    package static let bytesMost = 200

    /// Describes a descriptor; `nil` if it is not open.
    ///
    /// Costs a system call or three. The descriptor may be closed and opened again meanwhile: a report can then name what
    /// came after. Takes no lock, and cannot wait.
    package static func of(_ descriptor: Int) -> String? {
        guard let descriptor = CInt(exactly: descriptor), descriptor >= 0 else { return nil }
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = readlink("/proc/self/fd/\(descriptor)", &buffer, buffer.count)
        guard length > 0 else { return nil }
        let target = buffer.prefix(length).map { UInt8(bitPattern: $0) }
        return described(target: target, socket: target.starts(with: "socket:".utf8) ? socket(descriptor) : nil)
    }

    /// Words for what /proc/PID/fd/N points to (proc(5)); `socket` is what is known of it if it is a socket.
    static func described(target: some Collection<UInt8>, socket: String?) -> String {
        let text = String(decoding: target.prefix(Int(PATH_MAX)), as: UTF8.self)
        let words: String
        if text.hasPrefix("socket:") {
            words = socket ?? "socket"
        } else if text.hasPrefix("pipe:[") {
            words = "pipe"
        } else if text.hasPrefix("anon_inode:") {
            // anon_inode:[eventpoll], anon_inode:[timerfd], and without brackets anon_inode:inotify.
            words = text.dropFirst(11).split { $0 == "[" || $0 == "]" }.first.map(String.init) ?? "anonymous"
        } else {
            words = text
        }
        return escaped(words)
    }

    /// Control characters would break a log line, or drive the terminal that shows it.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            var piece = String(scalar)
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate:
                piece = "\\u{" + String(scalar.value, radix: 16) + "}"
            default: break
            }
            guard result.utf8.count + piece.utf8.count <= bytesMost - 3 else { return result + "…" }
            result += piece
        }
        return result
    }

    /// `tcp 10.0.0.5:5432`: the kind of socket with its peer, or with its own address where it has no peer.
    private static func socket(_ descriptor: CInt) -> String? {
        var storage = sockaddr_storage()
        func ask(_ call: (CInt, UnsafeMutablePointer<sockaddr>?, UnsafeMutablePointer<socklen_t>?) -> CInt) -> [UInt8]?
        {
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            return withUnsafeMutableBytes(of: &storage) { bytes in
                let address = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self)
                guard call(descriptor, address, &length) == 0 else { return nil }
                return Array(bytes.prefix(Int(length)))
            }
        }
        guard let type = option(SO_TYPE, of: descriptor) else { return nil }
        let isStream = type == CInt(SOCK_STREAM.rawValue)
        if let peer = ask(getpeername), let words = SocketWords.of(peer, isStream: isStream) { return words }
        guard let own = ask(getsockname), let words = SocketWords.of(own, isStream: isStream) else { return nil }
        return words + (option(SO_ACCEPTCONN, of: descriptor) == 1 ? " (listening)" : " (not connected)")
    }

    private static func option(_ option: CInt, of descriptor: CInt) -> CInt? {
        var value: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        return getsockopt(descriptor, SOL_SOCKET, option, &value, &length) == 0 ? value : nil
    }
}
