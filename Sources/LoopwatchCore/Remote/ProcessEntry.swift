// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// One process of the machine, as far as it can be told from others before it is watched.
public struct ProcessEntry: Sendable, Equatable {
    /// Linux process id.
    public var identifier: Int32
    /// Process id of its parent.
    public var parent: Int32
    /// When it started, in clock ticks after boot: tells it from a later one with the same id.
    public var startTicks: Int64
    /// The kernel's name of it (`comm`), at most 15 bytes.
    public var shortName: String
    /// The command line, argument by argument; empty too for an instant while a program is being executed, and where it
    /// overwrote its own.
    public var arguments: [String]
    /// Whether it runs a program: it is no thread of the kernel, and has not ended.
    public var isProgram: Bool

    /// Creates an entry.
    public init(
        identifier: Int32,
        parent: Int32,
        startTicks: Int64,
        shortName: String,
        arguments: [String],
        isProgram: Bool = true
    ) {
        self.identifier = identifier
        self.parent = parent
        self.startTicks = startTicks
        self.shortName = shortName
        self.arguments = arguments
        self.isProgram = isProgram
    }

    /// The command line in one piece, arguments divided by spaces.
    public var commandLine: String { arguments.joined(separator: " ") }

    /// A name that people know it by: that of the program, or where that only interprets, that of the script or module.
    ///
    /// ```
    /// /usr/sbin/nginx -g daemon off;            nginx
    /// nginx: worker process                     nginx
    /// python3 -m uvicorn app:app                uvicorn
    /// /venv/bin/python /venv/bin/gunicorn app   gunicorn
    /// node --max-old-space-size=100 server.js   server.js
    /// ```
    public var programName: String {
        guard let first = arguments.first, !first.isEmpty else { return shortName }
        // A title that the program gave itself: words and a colon.
        if let colon = first.firstIndex(of: ":"), first[colon...].dropFirst().first ?? " " == " " {
            let title = first[..<colon].split(separator: "/").last ?? first[..<colon]
            if !title.isEmpty { return String(title) }
        }
        let program = Self.lastComponent(first.split(separator: " ").first.map(String.init) ?? first)
        guard Self.interpreters.contains(where: { program.hasPrefix($0) }) else { return program }
        var rest = arguments.dropFirst()
        while let argument = rest.popFirst() {
            if argument == "-m", let module = rest.first { return String(module.split(separator: ".").first ?? "") }
            if argument == "-c" || argument == "-e" { return program }
            if Self.optionsWithValue.contains(argument) {
                _ = rest.popFirst()
            } else if !argument.hasPrefix("-") {
                return Self.lastComponent(argument)
            }
        }
        return program
    }

    /// Programs whose own name says nothing about what they run.
    private static let interpreters = ["python", "pypy", "node", "nodejs", "ruby", "deno", "bun"]
    /// Options of those whose value is an argument of its own.
    private static let optionsWithValue: Set<String> = ["-W", "-X", "-r", "--require", "--import", "--loader"]

    private static func lastComponent(_ path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? path
    }
}
