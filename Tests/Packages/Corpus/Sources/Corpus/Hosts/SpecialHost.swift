// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// A case that needs a process of its own, because it stops it, moves it, or binds it to processors.
protocol SpecialHost: Sendable {
    /// What it is called, also on the command line.
    static var name: String { get }
    /// Runs the case in this process.
    ///
    /// - Throws: ``NotPossible`` when the machine does not allow it.
    static func run() throws -> Verdict
}

/// The cases that need a process of their own.
public enum SpecialHosts {
    private static let all: [any SpecialHost.Type] = [StoppedHost.self, OutrankedHost.self, QuotaHost.self]

    /// Their names.
    public static let names = all.map { $0.name }

    /// Runs one in a new process.
    ///
    /// - Parameters:
    ///   - name: which.
    ///   - program: path of the executable `corpus`.
    public static func verdict(on name: String, program: String) -> Verdict {
        var failed = Verdict(name: name, place: "own process", expected: [])
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = ["host", name]
        process.standardOutput = output
        do {
            try process.run()
            let data = output.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            return try JSONDecoder().decode(Verdict.self, from: data)
        } catch {
            failed.problems.append("\(program): \(error), status \(process.isRunning ? -1 : process.terminationStatus)")
            return failed
        }
    }

    /// Runs one in this process, and prints the verdict for the one that asked.
    static func runHere(_ name: String) throws {
        guard let host = all.first(where: { $0.name == name }) else { throw NotPossible("there is no \(name)") }
        var verdict = Verdict(name: name, place: "own process", expected: [])
        do {
            verdict = try host.run()
        } catch {
            verdict.notPossible = "\(error)"
        }
        print(String(decoding: try JSONEncoder().encode(verdict), as: UTF8.self))
    }
}
