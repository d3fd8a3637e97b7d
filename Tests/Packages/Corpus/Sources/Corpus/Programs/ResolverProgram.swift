// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import CCorpus
internal import Glibc

/// Asks for the address of a name at a resolver of the loopback that never answers.
///
/// One that takes questions: without a socket there, the kernel would refuse them at once.
final class ResolverProgram: BlockingProgram {
    static let way = "getaddrinfo, dead resolver"
    static let functions = [
        "ResolverProgram.resolveHost(_:)", "ResolverProgram.connectHook(_:)", "ResolverProgram.handleHook(_:)",
    ]
    static let causes = ["syscall:poll", "syscall:ppoll"]
    /// The resolver waits for at least a second, whatever length is wanted.
    static let end = BlockEnd.byItself
    private let socketOfResolver: CInt
    private let port: UInt16

    init(nanoseconds: Int64) throws {
        let descriptor = socket(AF_INET, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length) == 0 && getsockname(descriptor, address, &length) == 0
            }
        }
        socketOfResolver = descriptor
        port = UInt16(bigEndian: address.sin_port)
        guard isBound else { throw NotPossible(failed: "a socket of a resolver") }
    }

    deinit { close(socketOfResolver) }

    func handle() -> Outcome { Outcome.of { handleHook(&$0) } }
    func block() -> Outcome { Outcome.of { resolveHost(&$0) } }

    @inline(never)
    func handleHook(_ outcome: inout Outcome) {
        connectHook(&outcome)
        outcome.passedOn()
    }

    @inline(never)
    func connectHook(_ outcome: inout Outcome) {
        resolveHost(&outcome)
        outcome.passedOn()
    }

    @inline(never)
    func resolveHost(_ outcome: inout Outcome) {
        outcome.begin()
        guard corpus_use_resolver(port) == 0 else {
            outcome.ended(-1)
            return
        }
        var hints = addrinfo()
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        // The dot keeps the resolver from trying more names.
        let result = getaddrinfo("hooks.shop.example.", "443", &hints, &found)
        outcome.ended(Int(result), expected: Int(EAI_AGAIN))
        if let found { freeaddrinfo(found) }
        corpus_restore_resolver()
    }
}
