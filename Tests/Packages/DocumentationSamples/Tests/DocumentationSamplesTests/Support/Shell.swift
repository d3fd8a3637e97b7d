// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Runs a command, on a thread of its own, because it blocks.
enum Shell {
    /// What a command wrote to standard output, and its wait status.
    struct Outcome: Sendable {
        var output: String
        var status: Int32
    }

    /// It was not started.
    struct NotStarted: Error {
        let command: String
        let code: Int32
    }

    /// Runs a command line.
    static func run(_ command: String) async throws -> Outcome {
        try await withCheckedThrowingContinuation { continuation in
            startThread { continuation.resume(with: Result { try runHere(command) }) }
        }
    }

    private static func runHere(_ command: String) throws -> Outcome {
        guard let stream = popen(command, "r") else { throw NotStarted(command: command, code: errno) }
        var bytes: [UInt8] = []
        while case let byte = fgetc(stream), byte != EOF { bytes.append(UInt8(truncatingIfNeeded: byte)) }
        return Outcome(output: String(decoding: bytes, as: UTF8.self), status: pclose(stream))
    }

    private final class Work: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    private static func startThread(_ body: @escaping @Sendable () -> Void) {
        var thread = pthread_t()
        let work = Unmanaged.passRetained(Work(body)).toOpaque()
        let code = pthread_create(
            &thread,
            nil,
            { argument in
                if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body() }
                return nil
            },
            work
        )
        precondition(code == 0, "no thread: \(code)")
        pthread_detach(thread)
    }
}
