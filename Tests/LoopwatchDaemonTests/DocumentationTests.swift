// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Loopwatch
import LoopwatchCore
import LoopwatchPlatform
import Testing

@testable import LoopwatchDaemon

/// What README.md and the articles tell people to type, and what they say of it.
@Suite("The documentation, of commands")
struct DocumentationTests {
    /// Other programs that samples call.
    private static let programs: Set = [
        "amtool", "curl", "install", "promtool", "python3", "swift", "systemctl", "useradd",
    ]

    @Test("every command line is understood, and what it names is there", arguments: DocumentationText.all)
    func commandLines(of document: DocumentationText) throws {
        for line in document.commandLines {
            var words = line[...]
            if words.first == "sudo" { words.removeFirst() }
            let program = try #require(words.first)
            if program == "loopwatch" {
                Self.expectUnderstood(words.dropFirst(), in: document)
            } else if program == "swift", let index = words.firstIndex(of: "loopwatch"), words.contains("run") {
                Self.expectUnderstood(words[(index + 1)...], in: document)
            } else {
                #expect(Self.programs.contains(program), "\(document.path): \(line)")
            }
            if program == "swift", let manifest = Self.manifest(of: words), let product = Self.product(of: words) {
                #expect(manifest.contains("\"\(product)\""), "\(document.path): no product \(product)")
            }
        }
    }

    /// Parses a command line, in which words in capitals stand for a value.
    private static func expectUnderstood(_ words: some Sequence<String>, in document: DocumentationText) {
        let line = words.map { ["PID": "4242", "FILE": "a.log", "URL": "127.0.0.1:9667"][$0] ?? $0 }
        #expect(throws: Never.self, "\(document.path): loopwatch \(line.joined(separator: " "))") {
            try CommandParser.parse(line)
        }
    }

    /// The manifest of the package that `swift` is to build.
    private static func manifest(of words: ArraySlice<String>) -> String? {
        let folder = words.firstIndex(of: "--package-path").map { words[$0 + 1] + "/" } ?? ""
        return words.contains("run") || words.contains("build")
            ? DocumentationText(folder + "Package.swift").text : nil
    }

    /// The program that it is to build.
    private static func product(of words: ArraySlice<String>) -> String? {
        if let index = words.firstIndex(of: "--product") { return words[index + 1] }
        guard words.contains("run") else { return nil }
        var rest = words.dropFirst(2)
        while let word = rest.first, word.hasPrefix("-") { rest = rest.dropFirst(2) }
        return rest.first
    }

    @Test("there are command lines")
    func isNotVacuous() {
        #expect(DocumentationText.all.count >= 12)
        #expect(DocumentationText.all.flatMap(\.commandLines).count { $0.contains("loopwatch") } >= 25)
    }

    @Test("every path of the repository that is named is there", arguments: DocumentationText.all)
    func paths(of document: DocumentationText) {
        for match in document.text.matches(of: /(?:config|Tests|Sources|\.ci)\/[A-Za-z0-9_.\/-]*[A-Za-z0-9_\/]/) {
            let path = DocumentationText.repository + "/" + match.output
            #expect(access(path, F_OK) == 0, "\(document.path) names \(match.output)")
        }
    }

    @Test("configurations are valid", arguments: DocumentationText.all)
    func configurations(of document: DocumentationText) {
        for sample in document.samples(in: "json5") {
            let text = sample.lines.joined(separator: "\n")
            #expect(throws: Never.self, "\(document.path)") {
                try DaemonConfigurationReader.read(text, file: document.path).get()
            }
        }
    }

    @Test("the endpoint answers under every address that is asked for")
    func endpoint() throws {
        var configuration = DaemonConfiguration.watchBase
        configuration.endpoint = .tcp(host: "127.0.0.1", port: 0)
        configuration.log = []
        let watch = try Loopwatch.start(configuration)
        defer { watch.stop() }
        let address = try #require(watch.endpointAddress)
        let location = try #require(EndpointLocation("\(address)"))
        let addresses = DocumentationText.all.flatMap(\.commandLines).flatMap(\.self)
            .filter { $0.hasPrefix("http://127.0.0.1:9667/") }
        var paths = Set(addresses.map { String($0.dropFirst("http://127.0.0.1:9667".utf8.count)) })
        #expect(paths.count >= 6)
        for cells in DocumentationText.article("Operating").rows(whereFirst: { $0.hasPrefix("`/") }) {
            paths.formUnion(cells[0].matches(of: /`(\/[a-z\/]*)`/).map { String($0.1) })
        }
        for path in paths {
            var connection = try EndpointConnection(location, path: path, interrupt: Interrupt(readable: -1))
            let deadline = Clock.now().advanced(byNanoseconds: 30_000_000_000)
            // It takes no other status than 200.
            #expect(throws: Never.self, "\(path)") { try connection.head(until: deadline) }
        }
    }

    @Test("exit codes are those of the program")
    func exitCodes() {
        let rows = DocumentationText.article("Operating").rows { Int($0) != nil }
        #expect(rows == ExitCode.allCases.map { ["\($0.rawValue)", $0.meaning] })
    }

    @Test("keys of the configuration are those that are read")
    func keys() throws {
        guard case .failure(let problems) = DaemonConfigurationReader.read("{ nonsense: 1 }", file: "f") else {
            throw Missing()
        }
        let messages = problems.all.map(\.message).filter { $0.contains("expected one of ") }
        let known = try #require(messages.first?.split(separator: "expected one of ").last)
        let rows = DocumentationText.article("Operating").rows { $0.hasPrefix("`") && !$0.contains("/") }
        let named = rows.flatMap { $0[0].matches(of: /`([a-z_]+)`/).map { String($0.1) } }
        #expect(Set(named) == Set(known.split(separator: ", ").map(String.init)))
    }

    private struct Missing: Error {}

    @Test("environment variables are those that are read")
    func environment() {
        let rows = DocumentationText.article("GettingStarted").rows { $0.hasPrefix("`LOOPWATCH_") }
        #expect(rows == WatchConfiguration.environmentVariables.map { ["`\($0.name)`", $0.expected] })
        let known = Set(WatchConfiguration.environmentVariables.map(\.name))
        for document in DocumentationText.all {
            for match in document.text.matches(of: /LOOPWATCH_[A-Z_]+/) {
                #expect(known.contains(String(match.output)), "\(document.path): \(match.output)")
            }
        }
    }

    @Test("options are those of the commands", arguments: DocumentationText.all)
    func options(of document: DocumentationText) {
        let ofSwift = ["--package-path", "--static-swift-stdlib"]
        let known = Set(CommandTable.all.flatMap(\.allOptions).map(\.name) + ofSwift)
        for match in document.text.matches(of: /`(?:loopwatch )?(--[a-z-]+)/) {
            #expect(known.contains(String(match.1)), "\(document.path): \(match.1)")
        }
    }

    @Test("rungs of evidence are all told")
    func rungs() {
        let labels = EvidenceRung.allCases.map { "`\($0.label)`" }
        let rows = DocumentationText.article("WatchingFromOutside").rows { labels.contains($0) }
        #expect(rows.map { $0[0] } == labels)
        for (row, rung) in zip(rows, EvidenceRung.allCases) {
            #expect(row.last?.hasPrefix(rung.grade.rawValue) == true, "\(row)")
        }
    }

    @Test("limits have the values that are told")
    func limits() {
        let values = [
            "loopsDefault": Limits.loopsDefault, "loopsMaximum": Limits.loopsMaximum,
            "poolsDefault": Limits.poolsDefault, "poolsMaximum": Limits.poolsMaximum,
            "reportBurstDefault": Limits.reportBurstDefault, "warningsKept": Limits.warningsKept,
            "warningsQueuedForLog": Limits.warningsQueuedForLog, "stackFrames": Limits.stackFrames,
            "profileStacks": Limits.profileStacks, "jobsHeld": Limits.jobsHeld, "meterSlots": Limits.meterSlots,
            "remoteProcesses": Limits.remoteProcesses, "remoteLoops": Limits.remoteLoops,
            "remoteThreads": Limits.remoteThreads, "reportCapturesPerSecond": Limits.reportCapturesPerSecond,
        ]
        let rows = DocumentationText.article("Operating").rows { $0.hasPrefix("``Limits/") }
        #expect(rows.count == values.count)
        for cells in rows {
            let name = String(cells[0].dropFirst("``Limits/".utf8.count).dropLast(2))
            #expect(values[name].map { "\($0)" } == cells[1], "\(name)")
        }
    }

    @Test("the fields of a line are those that are written, and every cause is told what to do about")
    func fields() throws {
        let article = DocumentationText.article("ReadingReports")
        let rows = article.rows { $0.hasPrefix("`") || ["time", "level", "sentence"].contains($0) }
        // The table after it is of system calls.
        let end = try #require(rows.firstIndex { $0[0] == "`clock_nanosleep`, `nanosleep`" })
        let fields = rows[..<end].flatMap { $0[0].matches(of: /`([a-z_]+)`/).map { String($0.1) } }
        let written = DocumentationText("Sources/LoopwatchExposition/Warnings/WarningLineWriter.swift").text
            .matches(of: /append\(text: " ([a-z_]+)="\)/).map { String($0.1) }
        #expect(written.count >= 20)
        #expect(Set(written) == Set(fields))
        for label in Cause.blockLabels {
            let heading = label == "syscall" ? "### syscall:NAME" : "### \(label)"
            #expect(article.text.contains("\n\(heading)\n"), "no part on \(label)")
        }
    }
}
