// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import CCorpus
internal import Glibc

/// Waits for a slow disk: a file system of its own, the answers of which take their time.
final class FsyncProgram: BlockingProgram {
    static let way = "fsync"
    static let functions = [
        "FsyncProgram.syncJournal(_:)", "FsyncProgram.appendOrder(_:)", "FsyncProgram.handleOrder(_:)",
    ]
    static let causes = ["syscall:fsync"]
    static let end = BlockEnd.byItself
    private let file: CInt

    init(nanoseconds: Int64) throws {
        let path = "/tmp/loopwatch-corpus-disk-\(getpid())"
        let device = open("/dev/fuse", O_RDWR | O_CLOEXEC)
        guard device >= 0 else { throw NotPossible(failed: "/dev/fuse") }
        close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0o600))
        defer { unlink(path) }
        guard corpus_mount_slow_disk(device, path) == 0 else {
            let reason = NotPossible(failed: "mount of a file system")
            close(device)
            throw reason
        }
        HarnessThread.start {
            corpus_serve_slow_disk(device, nanoseconds)
            close(device)
        }
        file = open(path, O_RDWR | O_CLOEXEC)
        let reason = NotPossible(failed: "a file of the file system")
        // It stays for as long as the file is open, and nothing is left behind whatever happens.
        corpus_detach_slow_disk(path)
        guard file >= 0 else { throw reason }
    }

    deinit { close(file) }

    func handle() -> Outcome { Outcome.of { handleOrder(&$0) } }
    func block() -> Outcome { Outcome.of { syncJournal(&$0) } }

    @inline(never)
    func handleOrder(_ outcome: inout Outcome) {
        appendOrder(&outcome)
        outcome.passedOn()
    }

    @inline(never)
    func appendOrder(_ outcome: inout Outcome) {
        syncJournal(&outcome)
        outcome.passedOn()
    }

    @inline(never)
    func syncJournal(_ outcome: inout Outcome) {
        outcome.begin()
        let result = fsync(file)
        outcome.ended(Int(result))
    }
}

/// Waits for the lock of a file that someone else holds.
final class FlockProgram: BlockingProgram {
    static let way = "flock"
    static let functions = [
        "FlockProgram.lockSession(_:)", "FlockProgram.openSession(_:)", "FlockProgram.handleLogin(_:)",
    ]
    static let causes = ["syscall:flock"]
    static let end = BlockEnd.byRelease
    private let mine: CInt
    private let others: CInt

    init(nanoseconds: Int64) throws {
        var path = Array("/tmp/loopwatch-corpus-XXXXXX\0".utf8.map(CChar.init))
        mine = mkstemp(&path)
        _ = fcntl(mine, F_SETFD, FD_CLOEXEC)
        unlink(path)
        // Opened again, because a lock belongs to the opening.
        others = open("/proc/self/fd/\(mine)", O_RDWR | O_CLOEXEC)
        guard others >= 0, flock(others, LOCK_EX) == 0 else { throw NotPossible(failed: "flock") }
    }

    deinit {
        close(mine)
        close(others)
    }

    func handle() -> Outcome { Outcome.of { handleLogin(&$0) } }
    func block() -> Outcome { Outcome.of { lockSession(&$0) } }
    func release() { flock(others, LOCK_UN) }

    @inline(never)
    func handleLogin(_ outcome: inout Outcome) {
        openSession(&outcome)
        outcome.passedOn()
    }

    @inline(never)
    func openSession(_ outcome: inout Outcome) {
        lockSession(&outcome)
        outcome.passedOn()
    }

    @inline(never)
    func lockSession(_ outcome: inout Outcome) {
        outcome.begin()
        let result = flock(mine, LOCK_EX)
        outcome.ended(Int(result))
    }
}
