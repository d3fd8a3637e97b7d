// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchCore
import Testing

@testable import LoopwatchPlatform

@Suite("Files and lines of other processes' programs", .serialized)
struct SourceLinesTests {
    /// The program that reads them.
    private static func program() throws -> String { try LoopFixture.folder() + "/loopwatch" }

    @Test("are read of files that exist and are none of the system's")
    func files() throws {
        let program = try Self.program()
        #expect(SourceLines(openPath: "/proc/self/exe", program: program) != nil)
        #expect(SourceLines(process: getpid(), program: program) != nil)
        #expect(SourceLines(openPath: "/proc/self", program: program) == nil)
        #expect(SourceLines(openPath: "/no/such/file", program: program) == nil)
    }

    @Test("are read only of files that nobody else can have written")
    func trust() throws {
        func isTrusted(_ owner: UInt32, _ mode: UInt32, as user: UInt32) -> Bool {
            SourceLines.isTrusted(owner: owner, mode: mode, user: user)
        }
        #expect(isTrusted(0, 0o755, as: 0) && isTrusted(0, 0o755, as: 1000))
        #expect(isTrusted(1000, 0o755, as: 1000) && isTrusted(1000, 0o775, as: 1000))
        #expect(!isTrusted(1000, 0o755, as: 0) && !isTrusted(1001, 0o755, as: 1000))
        #expect(!isTrusted(0, 0o775, as: 0) && !isTrusted(0, 0o757, as: 1000) && !isTrusted(1000, 0o777, as: 1000))
        // A file that others can write to.
        var path = Array("/tmp/loopwatch-lines-XXXXXX\0".utf8CString)
        let descriptor = mkstemp(&path)
        defer {
            unlink(path)
            close(descriptor)
        }
        let name = String(decoding: path.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        #expect(fchmod(descriptor, 0o644) == 0 && SourceLines(openPath: name, program: "") != nil)
        #expect(fchmod(descriptor, 0o646) == 0 && SourceLines(openPath: name, program: "") == nil)
    }

    #if arch(x86_64)
        @Test("are told of a thread that sleeps in a program of Swift, again also when what was read is kept")
        func lines() async throws {
            let blocked = BlockedCase(.usleep)
            let thread = try OwnThread(name: "victim") {
                _ = blocked.unwindOuter(1)
                blocked.end()
            }
            try eventually("the thread blocks") {
                guard let identifier = blocked.identifier,
                    case .inside(let number, _, _, _) = ThreadView(identifier).call()
                else { return false }
                return SystemCall.name(of: number) == BlockingWay.usleep.call
            }
            let identifier = try #require(blocked.identifier)
            await #expect(processExitsWith: .success) { [identifier = identifier as Int32] in
                recordingErrors {
                    let symbols = RemoteSymbolCache(lineProgram: try Self.program())
                    for _ in 0..<2 {
                        var reader = try RemoteStackReader(process: getppid(), symbols: symbols)
                        // What there was no time for at first is had later.
                        let stack = try reader.stack(of: identifier, allowsStop: false, "all lines") { stack in
                            ["unwindInner", "unwindMiddle", "unwindOuter"].allSatisfy { name in
                                stack.frames.contains { $0.function.contains(name) && $0.line != nil }
                            }
                        }
                        let frames = stack.frames.filter { $0.function.contains("unwind") }
                        #expect(frames.allSatisfy { $0.file?.hasSuffix(".swift") == true && $0.line ?? 0 > 0 })
                        #expect(frames.allSatisfy { $0.origin == .host })
                        // Those of others have none.
                        #expect(stack.frames.first?.origin == .system && stack.frames.first?.file == nil)
                    }
                }
            }
            blocked.release()
            try eventually("the thread gets through") { blocked.hasEnded }
            thread.join()
        }
    #endif
}
