// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials
import Glibc

/// A server in a process of its own.
struct ServerProcess {
    let port: Int
    /// Where Loopwatch answers in it; 0 if it does not.
    private let endpoint: Int
    private let process: pid_t
    private let input: Int32

    /// Starts one and waits until it listens.
    init(mode: String) throws {
        let child = try spawn(["taskset", "-c", "0", ownPath(), "serve", mode])
        process = child.process
        input = child.input
        var text: [UInt8] = []
        var byte: UInt8 = 0
        while read(child.output, &byte, 1) == 1, byte != 10 { text.append(byte) }
        close(child.output)
        let ports = String(decoding: text, as: UTF8.self).split(separator: " ").compactMap { Int($0) }
        guard ports.count == 2, ports[0] > 0 else { throw Benchmark.Failure(description: "the server did not start") }
        port = ports[0]
        endpoint = ports[1]
    }

    /// Jobs of Swift's pool that have begun to run in it.
    func jobs() throws -> Double {
        let text = try output(of: ["curl", "--silent", "http://127.0.0.1:\(endpoint)/metrics"])
        let lines = text.split(separator: "\n").filter { $0.hasPrefix("loopwatch_pool_jobs_total{") }
        guard !lines.isEmpty else { throw Benchmark.Failure(description: "no jobs are told: \(text)") }
        return lines.reduce(0) { sum, line in sum + (line.split(separator: " ").last.flatMap { Double($0) } ?? 0) }
    }

    /// CPU time that Loopwatch's own threads have used, in seconds.
    func ownThreadSeconds() -> Double {
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")) ?? []
        return threads.reduce(0) { sum, thread in
            let folder = "/proc/\(process)/task/\(thread)"
            guard let name = try? String(contentsOfFile: folder + "/comm", encoding: .utf8), name.hasPrefix("lw-"),
                let times = try? String(contentsOfFile: folder + "/schedstat", encoding: .utf8),
                let nanoseconds = times.split(separator: " ").first.flatMap({ Double($0) })
            else { return sum }
            return sum + nanoseconds / 1e9
        }
    }

    /// CPU time that it has used, in seconds.
    func cpuSeconds() -> Double {
        var clock = clockid_t()
        guard clock_getcpuclockid(process, &clock) == 0 else { return .nan }
        // By its words: the members of `timespec` belong to a module of NIO's, as the compiler sees it.
        return withUnsafeTemporaryAllocation(byteCount: 16, alignment: 8) { time in
            guard clock_gettime(clock, time.baseAddress!.assumingMemoryBound(to: timespec.self)) == 0 else {
                return .nan
            }
            return Double(time.load(as: Int.self)) + Double(time.load(fromByteOffset: 8, as: Int.self)) / 1e9
        }
    }

    /// Ends it.
    func end() {
        close(input)
        kill(process, SIGKILL)
        var status: Int32 = 0
        waitpid(process, &status, 0)
    }
}

/// What a program writes.
func output(of arguments: [String]) throws -> String {
    let child = try spawn(arguments)
    close(child.input)
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while case let count = read(child.output, &buffer, buffer.count), count > 0 { bytes += buffer[..<count] }
    close(child.output)
    var status: Int32 = 0
    waitpid(child.process, &status, 0)
    return String(decoding: bytes, as: UTF8.self)
}

/// Starts a thread.
func startThread(_ body: @escaping @Sendable () -> Void) {
    final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }
    var thread = pthread_t()
    let argument = Unmanaged.passRetained(Body(body)).toOpaque()
    let code = pthread_create(
        &thread,
        nil,
        { argument in
            Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue().run()
            return nil
        },
        argument
    )
    precondition(code == 0, "pthread_create returned \(code)")
    pthread_detach(thread)
}

/// Runs the body on a thread of its own, and suspends the caller meanwhile.
func onOwnThread(_ body: @escaping @Sendable () throws -> Void) async throws {
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        startThread { continuation.resume(with: Result { try body() }) }
    }
}

private func ownPath() -> String {
    var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = buffer.withUnsafeMutableBytes { bytes in
        readlink("/proc/self/exe", bytes.assumingMemoryBound(to: CChar.self).baseAddress!, bytes.count)
    }
    return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
}

/// Starts a program, and gives the ends of the pipes to its input and from its output.
private func spawn(_ arguments: [String]) throws -> (process: pid_t, input: Int32, output: Int32) {
    var input: [Int32] = [0, 0]
    var output: [Int32] = [0, 0]
    guard pipe(&input) == 0, pipe(&output) == 0 else { throw Benchmark.Failure(description: "pipe: \(errno)") }
    for end in input + output { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, input[0], 0)
    posix_spawn_file_actions_adddup2(&actions, output[1], 1)
    let texts: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    defer { for text in texts { free(text) } }
    var process: pid_t = 0
    let code = posix_spawnp(&process, arguments[0], &actions, nil, texts, environ)
    close(input[0])
    close(output[1])
    guard code == 0 else { throw Benchmark.Failure(description: "\(arguments[0]) cannot be started: error \(code)") }
    return (process, input[1], output[0])
}
