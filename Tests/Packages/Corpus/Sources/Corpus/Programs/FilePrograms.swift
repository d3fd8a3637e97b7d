// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Waits for the disk again and again, after each record.
final class FsyncProgram: BlockingProgram {
    static let way = "fsync"
    static let functions = [
        "FsyncProgram.syncJournal()", "FsyncProgram.appendOrder()", "FsyncProgram.handleOrder()",
    ]
    static let causes = ["syscall:fsync"]
    static let end = BlockEnd.byComputing
    private let nanoseconds: Int64
    private let file: CInt

    /// Bytes that each record dirties.
    private static let recordBytes = 1 << 20

    init(nanoseconds: Int64) throws {
        self.nanoseconds = nanoseconds
        // Not in /tmp, which may be in memory.
        file = try Self.temporaryFile()
        let record = [UInt8](repeating: 1, count: Self.recordBytes)
        let start = Outcome.now(CLOCK_MONOTONIC)
        for _ in 0..<4 {
            guard pwrite(file, record, record.count, 0) == record.count, fsync(file) == 0 else {
                throw NotPossible(failed: "fsync")
            }
        }
        guard Outcome.now(CLOCK_MONOTONIC) - start > 4_000_000 else {
            throw NotPossible("fsync does not wait for the file system of /var/tmp")
        }
    }

    deinit { close(file) }

    static func temporaryFile() throws -> CInt {
        var path = Array("/var/tmp/loopwatch-corpus-XXXXXX\0".utf8.map(CChar.init))
        let file = mkstemp(&path)
        guard file >= 0 else { throw NotPossible(failed: "a file in /var/tmp") }
        _ = fcntl(file, F_SETFD, FD_CLOEXEC)
        unlink(path)
        return file
    }

    func handle() -> Outcome { handleOrder() }
    func block() -> Outcome { syncJournal() }

    @inline(never)
    func handleOrder() -> Outcome {
        var outcome = appendOrder()
        outcome.passedOn()
        return outcome
    }

    @inline(never)
    func appendOrder() -> Outcome {
        var outcome = syncJournal()
        outcome.passedOn()
        return outcome
    }

    @inline(never)
    func syncJournal() -> Outcome {
        var outcome = Outcome()
        var result: CInt = 0
        var byte: UInt8 = 0
        repeat {
            byte &+= 1
            // A few pages, so that nearly all of the time goes to the disk.
            for page in 0..<8 { _ = pwrite(file, &byte, 1, page * 65_536) }
            result |= fsync(file)
        } while Outcome.now(CLOCK_MONOTONIC) - outcome.beganNanoseconds < nanoseconds
        outcome.ended(Int(result))
        return outcome
    }
}

/// Waits for the lock of a file that someone else holds.
final class FlockProgram: BlockingProgram {
    static let way = "flock"
    static let functions = [
        "FlockProgram.lockSession()", "FlockProgram.openSession()", "FlockProgram.handleLogin()",
    ]
    static let causes = ["syscall:flock"]
    static let end = BlockEnd.byRelease
    private let mine: CInt
    private let others: CInt

    init(nanoseconds: Int64) throws {
        mine = try FsyncProgram.temporaryFile()
        // Opened again, because a lock belongs to the opening.
        others = open("/proc/self/fd/\(mine)", O_RDWR | O_CLOEXEC)
        guard others >= 0, flock(others, LOCK_EX) == 0 else { throw NotPossible(failed: "flock") }
    }

    deinit {
        close(mine)
        close(others)
    }

    func handle() -> Outcome { handleLogin() }
    func block() -> Outcome { lockSession() }
    func release() { flock(others, LOCK_UN) }

    @inline(never)
    func handleLogin() -> Outcome {
        var outcome = openSession()
        outcome.passedOn()
        return outcome
    }

    @inline(never)
    func openSession() -> Outcome {
        var outcome = lockSession()
        outcome.passedOn()
        return outcome
    }

    @inline(never)
    func lockSession() -> Outcome {
        var outcome = Outcome()
        let result = flock(mine, LOCK_EX)
        outcome.ended(Int(result))
        return outcome
    }
}
