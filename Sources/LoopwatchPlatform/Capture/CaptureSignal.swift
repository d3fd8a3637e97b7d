// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import CLoopwatchCapture
internal import CLoopwatchRuntime
internal import Glibc
internal import Synchronization

/// The handler of the signal for captures, and the slots that it fills: both belong to the process, and all its watches
/// share them.
///
/// Safe for use from several threads at once.
enum CaptureSignal {
    /// What a watch has of it.
    struct Lease: Sendable {
        let signal: CInt
        let slots: [UInt32]
    }

    /// The handler as it was installed for a signal.
    private struct Installation {
        var users = 0
        /// What was there before.
        var previous: sigaction
        /// Threads that a signal of ours may still wait for.
        var unresolved: [ThreadIdentifier] = []
    }

    private struct State {
        var installations: [CInt: Installation] = [:]
        /// Bit for each slot that has an owner.
        var slotsTaken: UInt32 = 0
    }

    private static let state = Mutex(State())

    /// Threads that are remembered because a signal may wait for them; with more, the handler stays where it is.
    private static let unresolvedMost = 64

    /// Installs the handler, unless it is there already, and takes slots.
    ///
    /// - Parameters:
    ///   - signal: the signal.
    ///   - wanted: how many slots there are to be; at least one is given, and never more than a third of those that are
    ///     left, so that other watches get theirs.
    static func lease(_ signal: CInt, slots wanted: Int) -> Result<Lease, CaptureOmission> {
        state.withLock { state in
            let free = (0..<UInt32(LW_CAPTURE_SLOTS)).filter { state.slotsTaken >> $0 & 1 == 0 }
            guard !free.isEmpty else { return .failure(.tooManyWatches) }
            let slots = Array(free.prefix(max(1, min(wanted, free.count / 3))))
            switch install(signal) {
            case .failure(let omission): return .failure(omission)
            case .success(let previous):
                // Ours already, and not noted: a forked child has the handler of its parent.
                if state.installations[signal] == nil || previous != nil {
                    let unresolved = state.installations[signal]?.unresolved ?? []
                    let users = state.installations[signal]?.users ?? 0
                    state.installations[signal] = Installation(
                        users: users,
                        previous: previous ?? sigaction(),
                        unresolved: unresolved
                    )
                }
            }
            state.installations[signal]?.users += 1
            for slot in slots { state.slotsTaken |= 1 << slot }
            return .success(Lease(signal: signal, slots: slots))
        }
    }

    /// Gives the slots back, and with the last one puts back what was there before the handler.
    ///
    /// The default action of the signal ends the process. So as long as a signal of ours may be on its way to a thread,
    /// the handler stays: it does nothing with it.
    static func end(_ lease: Lease) {
        state.withLock { state in
            for slot in lease.slots { state.slotsTaken &= ~(1 << slot) }
            guard var installation = state.installations[lease.signal] else { return }
            installation.users -= 1
            installation.unresolved.removeAll { isResolved($0, lease.signal) }
            let isLast = installation.users == 0 && installation.unresolved.isEmpty
            state.installations[lease.signal] = isLast ? nil : installation
            if isLast { uninstall(lease.signal, previous: installation.previous) }
        }
    }

    /// Notes that a timer has expired without its signal having been seen: unless it is known not to wait for the thread,
    /// the handler must stay.
    static func noteUnseen(_ thread: ThreadIdentifier, _ signal: CInt) {
        guard !isResolved(thread, signal) else { return }
        state.withLock { state in
            guard var installation = state.installations[signal] else { return }
            if installation.unresolved.count < unresolvedMost {
                installation.unresolved.append(thread)
            } else {
                installation.users += 1
            }
            state.installations[signal] = installation
        }
    }

    /// Whether the handler in force is ours.
    static func isInForce(_ signal: CInt) -> Bool {
        var action = sigaction()
        return sigaction(signal, nil, &action) == 0 && address(of: action) == ownAddress
    }

    /// Whether no signal waits for the thread; the timer must have been deleted, so that none can come any more.
    private static func isResolved(_ thread: ThreadIdentifier, _ signal: CInt) -> Bool {
        // Signals that wait for a thread end with it.
        guard Clock.threadCPUNanoseconds(of: thread) != nil else { return true }
        return ThreadSignals(of: thread)?.awaits(signal) == false
    }

    /// Installs the handler; returns what was there, `nil` if it was ours.
    private static func install(_ signal: CInt) -> Result<sigaction?, CaptureOmission> {
        var current = sigaction()
        guard sigaction(signal, nil, &current) == 0 else {
            return .failure(.refused(SystemError(operation: "sigaction")))
        }
        if address(of: current) == ownAddress { return .success(nil) }
        guard isFree(current) else { return .failure(.handlerTaken(by: module(of: current))) }
        var action = sigaction()
        action.__sigaction_handler.sa_sigaction = handler
        // SA_ONSTACK: a thread that has a stack for signals, such as Go's, may have no room on its own. SA_RESTART: for
        // a call that the thread may enter between the tick and the delivery.
        // SA_NODEFER: else a thread that has not yet left the handler would seem to block the signal.
        action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK | SA_NODEFER
        // No other handler on top of it on the thread's stack.
        sigfillset(&action.sa_mask)
        sigdelset(&action.sa_mask, signal)
        var replaced = sigaction()
        guard sigaction(signal, &action, &replaced) == 0 else {
            return .failure(.refused(SystemError(operation: "sigaction")))
        }
        // Someone was faster: what is theirs goes back.
        guard isFree(replaced) else {
            sigaction(signal, &replaced, nil)
            return .failure(.handlerTaken(by: module(of: replaced)))
        }
        return .success(replaced)
    }

    private static func uninstall(_ signal: CInt, previous: sigaction) {
        guard isInForce(signal) else { return }
        var previous = previous
        var replaced = sigaction()
        if sigaction(signal, &previous, &replaced) == 0, address(of: replaced) != ownAddress {
            // Someone installed a handler at this very moment: it stays.
            sigaction(signal, &replaced, nil)
        }
    }

    private typealias Handler =
        @convention(c) (CInt, UnsafeMutablePointer<siginfo_t>?, UnsafeMutableRawPointer?) -> Void
    private typealias UntypedHandler =
        @convention(c) (CInt, UnsafeMutableRawPointer?, UnsafeMutableRawPointer?) -> Void

    /// Our handler, as the C library wants it: all its arguments are passed alike.
    private static let handler = unsafeBitCast(lw_capture_from_handler as UntypedHandler, to: Handler.self)

    private static let ownAddress = unsafeBitCast(handler, to: UInt.self)

    /// Address of the handler; 0 for `SIG_DFL`, 1 for `SIG_IGN`.
    private static func address(of action: sigaction) -> UInt {
        unsafeBitCast(action.__sigaction_handler.sa_sigaction, to: UInt.self)
    }

    private static func isFree(_ action: sigaction) -> Bool { address(of: action) <= 1 }

    /// File name of the module that a handler lies in; takes the loader's lock, and so is not for a capture.
    private static func module(of action: sigaction) -> String? {
        guard let path = lw_module_path(address(of: action)) else { return nil }
        return String(cString: path).split(separator: "/").last.map(String.init)
    }
}
