// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc

// What Loopwatch with everything on costs a Hummingbird server that answers "hello", under wrk (apt-get install wrk curl).
//
//   swift run -c release --package-path Tests/Packages/HummingbirdIntegration hummingbird-benchmark [ROUNDS [SECONDS]]
//
// Three servers: without Loopwatch, without once more, and with it. Each round loads one after the other, in another
// order each time. "again" is the noise: what differs between two servers that are the same. CPU seconds a request are
// told first: other work on the machine disturbs them least. The servers have one processor, and wrk has another.
//
// Where the noise is larger than what is looked for, its parts tell more: what Loopwatch's own threads used, and how many
// jobs a request is, each of which costs what `accounting-benchmark` says.

@main
enum Benchmark {
    static func main() async throws {
        let arguments = Array(CommandLine.arguments.dropFirst())
        switch arguments.first {
        case "serve": try await HelloServer.run(isWatched: arguments.last == "watched")
        default:
            let rounds = arguments.first.flatMap { Int($0) } ?? 40
            let seconds = arguments.dropFirst().first.flatMap { Int($0) } ?? 1
            try await onOwnThread { try compare(rounds: rounds, seconds: seconds) }
        }
    }

    /// One load of one server.
    struct Sample {
        var requests, cpuMicroseconds, requestsPerSecond, p99Milliseconds: Double
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    static func compare(rounds: Int, seconds: Int) throws {
        var servers: [ServerProcess] = []
        defer { for server in servers { server.end() } }
        for mode in ["plain", "plain", "watched"] { servers.append(try ServerProcess(mode: mode)) }
        for server in servers { _ = try sample(server, seconds: 1) }
        let jobsBefore = try servers[2].jobs()
        var ownSeconds = 0.0
        print("\(rounds) rounds of \(seconds) s; wrk -t1 -c16; load before: \(loadAverage())")
        print(
            "CPU us a request: plain, again, with | requests a second: plain, again, with | p99 ms: plain, again, with"
        )
        var samples: [[Sample]] = [[], [], []]
        for round in 0..<rounds {
            for turn in 0..<3 {
                let arm = (round + turn * (round % 2 == 0 ? 1 : 2)) % 3
                let before = servers[2].ownThreadSeconds()
                samples[arm].append(try sample(servers[arm], seconds: seconds))
                if arm == 2 { ownSeconds += servers[2].ownThreadSeconds() - before }
            }
            let row = samples.map { $0[round] }
            print(
                "\(round + 1): " + row.map { text($0.cpuMicroseconds) }.joined(separator: " ") + " | "
                    + row.map { text($0.requestsPerSecond) }.joined(separator: " ") + " | "
                    + row.map { text($0.p99Milliseconds) }.joined(separator: " ")
            )
        }
        print("load after: \(loadAverage())")
        let requests = samples[2].reduce(0) { $0 + $1.requests }
        let jobs = try servers[2].jobs() - jobsBefore
        let used = samples[2].reduce(0) { $0 + $1.cpuMicroseconds * $1.requests } / 1e6
        print(
            "with: \(text(jobs / requests)) jobs a request; Loopwatch's own threads used \(text(ownSeconds * 100 / used)) %"
        )
        print("median of the rounds' ratios to plain (quartiles):")
        tell("CPU seconds a request", samples, \.cpuMicroseconds)
        tell("requests a second", samples, \.requestsPerSecond)
        tell("p99", samples, \.p99Milliseconds)
    }

    /// Loads a server and tells what that cost it.
    private static func sample(_ server: ServerProcess, seconds: Int) throws -> Sample {
        let before = server.cpuSeconds()
        let output = try output(of: [
            "taskset", "-c", "1", "wrk", "-t1", "-c16", "-d\(seconds)s", "--latency",
            "http://127.0.0.1:\(server.port)/",
        ])
        let used = server.cpuSeconds() - before
        let lines = output.split(separator: "\n").map { $0.split(separator: " ") }
        guard let requests = lines.first(where: { $0.count > 2 && $0[1] == "requests" }).flatMap({ Double($0[0]) }),
            let rate = lines.first(where: { $0.first == "Requests/sec:" }).flatMap({ Double($0[1]) }),
            let p99 = lines.first(where: { $0.first == "99%" }).flatMap({ milliseconds($0[1]) }),
            requests > 0, !output.contains("Socket errors"), !output.contains("Non-2xx")
        else { throw Failure(description: "wrk did not load the server: \(output)") }
        return Sample(
            requests: requests,
            cpuMicroseconds: used * 1e6 / requests,
            requestsPerSecond: rate,
            p99Milliseconds: p99
        )
    }

    private static func tell(_ name: String, _ samples: [[Sample]], _ key: KeyPath<Sample, Double>) {
        func ratios(_ arm: Int) -> [Double] {
            zip(samples[arm], samples[0]).map { $0[keyPath: key] / $1[keyPath: key] }
        }
        // Against the mean of the two that are the same, so that the noise of one of them counts half.
        let toBoth = samples[2].indices.map { index in
            samples[2][index][keyPath: key] / ((samples[0][index][keyPath: key] + samples[1][index][keyPath: key]) / 2)
        }
        // Other work on the machine only ever adds: the lowest of many rounds is the least disturbed.
        let lowest = samples.map { $0.map { $0[keyPath: key] }.min()! }
        if key == \.cpuMicroseconds {
            print("  lowest CPU us a request: plain, again, with \(lowest.map(text).joined(separator: " "))")
        }
        print("  \(name): again \(spread(ratios(1))), with \(spread(ratios(2))), with to both \(spread(toBoth))")
    }

    private static func spread(_ values: [Double]) -> String {
        let sorted = values.sorted()
        func quantile(_ part: Double) -> Double {
            let place = part * Double(sorted.count - 1)
            let low = Int(place)
            let high = min(low + 1, sorted.count - 1)
            return sorted[low] + (sorted[high] - sorted[low]) * (place - Double(low))
        }
        return "\(text(quantile(0.5))) (\(text(quantile(0.25)))...\(text(quantile(0.75))))"
    }

    /// A time as wrk writes it.
    private static func milliseconds(_ text: Substring) -> Double? {
        for (unit, factor) in [("us", 1e-3), ("ms", 1), ("m", 60e3), ("s", 1e3)] where text.hasSuffix(unit) {
            return Double(text.dropLast(unit.count)).map { $0 * factor }
        }
        return nil
    }

    private static func text(_ value: Double) -> String { "\((value * 1000).rounded() / 1000)" }

    private static func loadAverage() -> String {
        var values = [0.0, 0.0, 0.0]
        getloadavg(&values, 3)
        return values.map(text).joined(separator: " ")
    }
}
