// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing

@testable import LoopwatchPlatform

@Suite("What a file descriptor is")
struct FileDescriptorDescriptionTests {
    @Test(
        "what /proc says, in words",
        arguments: [
            ("/srv/app.db", "/srv/app.db"),
            ("pipe:[123]", "pipe"),
            ("socket:[123]", "socket"),
            ("anon_inode:[eventpoll]", "eventpoll"),
            ("anon_inode:[timerfd]", "timerfd"),
            ("anon_inode:inotify", "inotify"),
            ("anon_inode:", "anonymous"),
            ("/memfd:x (deleted)", "/memfd:x (deleted)"),
            ("/tmp/a\nb\u{1b}[31m", "/tmp/a\\u{a}b\\u{1b}[31m"),
            ("/tmp/\u{202e}gpj", "/tmp/\\u{202e}gpj"),
            ("", ""),
        ]
    )
    func words(target: String, expected: String) {
        #expect(FileDescriptorDescription.described(target: target.utf8, socket: nil) == expected)
    }

    @Test("a description is bounded, whatever is in it")
    func bounded() {
        for piece in ["x", "ä", "\n", "\u{ff}"] {
            let text = "/" + String(repeating: piece, count: 3_000)
            let words = FileDescriptorDescription.described(target: text.utf8, socket: nil)
            #expect(words.utf8.count <= FileDescriptorDescription.bytesMost)
            #expect(words.hasSuffix("…"))
        }
        #expect(!FileDescriptorDescription.described(target: [47, 0xff, 0xfe], socket: nil).isEmpty)
    }

    @Test("addresses of sockets, in words; a form that is too short or not known has none")
    func addresses() {
        let four: [UInt8] = [2, 0, 0x15, 0x38, 10, 0, 0, 5] + [UInt8](repeating: 0, count: 8)
        #expect(SocketWords.of(four, isStream: true) == "tcp 10.0.0.5:5432")
        #expect(SocketWords.of(four, isStream: false) == "udp 10.0.0.5:5432")
        let six: [UInt8] = [10, 0, 0, 80, 0, 0, 0, 0] + [UInt8](repeating: 0, count: 15) + [1, 0, 0, 0, 0]
        #expect(SocketWords.of(six, isStream: true) == "tcp [::1]:80")
        #expect(SocketWords.of([1, 0], isStream: true) == "unix")
        #expect(SocketWords.of([1, 0] + Array("/run/db\0\0".utf8), isStream: true) == "unix /run/db")
        #expect(SocketWords.of([1, 0, 0] + Array("name".utf8), isStream: true) == "unix @name")
        for short in [[], [2], [2, 0, 1], [10, 0, 1], [99, 0, 1, 2]] as [[UInt8]] {
            #expect(SocketWords.of(short, isStream: true) == nil)
        }
    }

    @Test("descriptors of this process")
    func live() throws {
        var pipes: [CInt] = [0, 0]
        try #require(pipe(&pipes) == 0)
        defer { pipes.forEach { close($0) } }
        #expect(FileDescriptorDescription.of(Int(pipes[0])) == "pipe")
        let null = open("/dev/null", O_RDONLY | O_CLOEXEC)
        defer { close(null) }
        #expect(FileDescriptorDescription.of(Int(null)) == "/dev/null")
        var pair: [CInt] = [0, 0]
        try #require(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &pair) == 0)
        defer { pair.forEach { close($0) } }
        #expect(FileDescriptorDescription.of(Int(pair[0])) == "unix")
    }

    @Test("a listener, and a connection to it")
    func connection() throws {
        let listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let client = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        defer { close(client) }
        let results = withUnsafeMutableBytes(of: &address) { bytes -> [CInt] in
            let pointer = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self)
            return [
                bind(listener, pointer, length), listen(listener, 1), getsockname(listener, pointer, &length),
                connect(client, pointer, length),
            ]
        }
        try #require(results == [0, 0, 0, 0])
        let port = UInt16(bigEndian: address.sin_port)
        #expect(FileDescriptorDescription.of(Int(client)) == "tcp 127.0.0.1:\(port)")
        #expect(FileDescriptorDescription.of(Int(listener)) == "tcp 127.0.0.1:\(port) (listening)")
    }

    @Test("what is not open has no description", arguments: [-1, -100, 1 << 20, .max, .min])
    func gone(descriptor: Int) {
        #expect(FileDescriptorDescription.of(descriptor) == nil)
    }

    @Test("calls that take a descriptor first, and calls that do not")
    func calls() {
        for call in ["read", "write", "recvfrom", "fsync", "flock", "connect", "accept4", "pread64", "epoll_wait"] {
            #expect(DescriptorCalls.hasDescriptor(call), "\(call)")
        }
        for call in ["futex", "poll", "select", "nanosleep", "open", "wait4", "", "number_9999", "running"] {
            #expect(!DescriptorCalls.hasDescriptor(call), "\(call)")
        }
    }
}
