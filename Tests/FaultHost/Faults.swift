// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Synchronization

/// What hosts do that a guest has to get over.
enum Faults {
    private static let threadsRun = Atomic(0)
    private static let signals = Atomic(0)

    /// Signals that the host's own handler was called for.
    static var signalsHandled: Int { signals.load(ordering: .relaxed) }

    /// Installs a handler of the host's own for the signal that captures use.
    static func handleProfilingSignal() {
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in Faults.signals.add(1, ordering: .relaxed) }
        action.sa_flags = SA_RESTART
        sigaction(SIGPROF, &action, nil)
    }

    /// Creates and ends threads at a rate; returns how many.
    static func churn(seconds: Double, rate: Int) -> Int {
        threadsRun.store(0, ordering: .relaxed)
        let began = Told.nanoseconds
        var created = 0
        var failed = 0
        // Detached from the start: pthread_detach(3) reads of a thread that may have ended meanwhile, and its memory with it.
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
        defer { pthread_attr_destroy(&attributes) }
        while Told.nanoseconds - began < Int64(seconds * 1e9) {
            let due = Int(Double(Told.nanoseconds - began) / 1e9 * Double(rate))
            guard created < due else {
                usleep(100)
                continue
            }
            var thread = pthread_t()
            let code = pthread_create(
                &thread,
                &attributes,
                { _ in
                    Faults.threadsRun.add(1, ordering: .relaxed)
                    return nil
                },
                nil
            )
            created += 1
            if code != 0 { failed += 1 }
        }
        let end = Told.nanoseconds + 5_000_000_000
        while threadsRun.load(ordering: .relaxed) + failed < created, Told.nanoseconds < end { usleep(1_000) }
        return threadsRun.load(ordering: .relaxed)
    }

    /// Forks so many children, some of which go on for a while and end as programs end; returns how many came to a bad end.
    static func fork(_ count: Int) -> Int {
        var bad = 0
        for number in 0..<count {
            let child = forkedProcess()
            switch child {
            case -1: bad += 1
            case 0:
                if number % 2 == 0 { _exit(7) }
                usleep(20_000)
                exit(7)
            default:
                var status: CInt = 0
                while waitpid(child, &status, 0) < 0, errno == EINTR {}
                if status != 7 << 8 { bad += 1 }
                usleep(2_000)
            }
        }
        return bad
    }
}

/// fork(2), which Swift hides because a child of many threads can do little; these do little.
@_silgen_name("fork")
private func forkedProcess() -> pid_t
