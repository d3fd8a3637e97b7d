// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchCore
import LoopwatchPlatform
import Synchronization
import Testing

/// Everything that captures: one test after another, because the signal handler belongs to the process.
@Suite("Captures", .serialized)
enum Captures {}

/// Whether the tests run under ThreadSanitizer, which delivers signals late, with registers from before.
let isThreadSanitized = dlsym(nil, "__tsan_init") != nil

/// Whether the tests run under AddressSanitizer.
let isAddressSanitized = dlsym(nil, "__asan_init") != nil

/// The C library's handler type.
typealias SignalHandler = @convention(c) (CInt, UnsafeMutablePointer<siginfo_t>?, UnsafeMutableRawPointer?) -> Void

/// The handler of a signal, and replacing it.
enum Handlers {
    /// Address of the handler; 0 for the default action, 1 for ignoring.
    static func address(_ signal: CInt = SIGPROF) -> UInt {
        var action = sigaction()
        sigaction(signal, nil, &action)
        return unsafeBitCast(action.__sigaction_handler.sa_sigaction, to: UInt.self)
    }

    /// Installs a handler; `nil` for the default action.
    static func set(_ handler: SignalHandler?, _ signal: CInt = SIGPROF) {
        var action = sigaction()
        action.__sigaction_handler.sa_sigaction = handler
        action.sa_flags = handler == nil ? 0 : SA_SIGINFO | SA_RESTART
        sigaction(signal, &action, nil)
    }
}

/// Lets a signal through on the calling thread; Loopwatch's own threads block all.
func unblock(_ signal: CInt = SIGPROF) {
    var set = sigset_t()
    sigemptyset(&set)
    sigaddset(&set, signal)
    pthread_sigmask(SIG_UNBLOCK, &set, nil)
}

/// Path of the module that an address lies in; `nil` if there is none.
func modulePath(_ address: UInt64) -> String? {
    typealias Function = @convention(c) (UInt, UnsafeMutableRawPointer) -> CInt
    guard let symbol = dlsym(nil, "dladdr") else { return nil }
    // What it fills begins with the path (dladdr(3)); it has four words.
    var information: [UInt] = [0, 0, 0, 0]
    let found = information.withUnsafeMutableBytes {
        unsafeBitCast(symbol, to: Function.self)(UInt(address), $0.baseAddress!)
    }
    guard found != 0, let path = UnsafePointer<CChar>(bitPattern: information[0]) else { return nil }
    return String(cString: path)
}

/// Words that threads and the test share.
final class Words: Sendable {
    /// Most there can be.
    static let count = 64
    // nonisolated(unsafe): one thread writes, and the test reads through the kernel, or after that thread has ended.
    nonisolated(unsafe) let pointer = UnsafeMutablePointer<UInt64>.allocate(capacity: count)

    init() { pointer.initialize(repeating: 0, count: Self.count) }

    deinit { pointer.deallocate() }

    /// Address of a word.
    func address(_ index: Int) -> UInt64 { UInt64(UInt(bitPattern: pointer + index)) }
}

extension TestThread {
    /// A thread that computes until it is stopped, and lets the signal through.
    static func signallable() throws -> TestThread {
        try TestThread("signallable") { signals in
            unblock()
            signals.begin()
            while !signals.isStopping {}
        }
    }
}
