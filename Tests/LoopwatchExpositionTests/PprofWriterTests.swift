// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchCore
import LoopwatchExposition
import Testing

@testable import enum LoopwatchExposition.GzipWriter

@Suite("The profile for pprof")
struct PprofWriterTests {
    /// The file of a profile.
    private func file(_ profile: StallProfile, process: String = "api") -> [UInt8] {
        var bytes: [UInt8] = []
        PprofWriter.write(profile, process: process, unixNanoseconds: Snapshots.now, into: &bytes)
        return bytes
    }

    private func parsed(_ profile: StallProfile, process: String = "api") throws -> ParsedPprof {
        let (content, checksum) = try StoredGzip.read(file(profile, process: process))
        #expect(checksum == GzipWriter.checksum(of: content))
        return try ParsedPprof(content)
    }

    @Test("values, labels, functions, files and lines come back")
    func rich() throws {
        let profile = try parsed(Stacks.profile())
        #expect(profile.sampleTypes == [["stalls", "count"], ["blocked", "nanoseconds"]])
        #expect(profile.words == ["blocked", "nanoseconds", "blocked", "loopwatch, process api"])
        #expect(profile.numbers == [Snapshots.now - 60_000_000_000, 60_000_000_000, 1])
        #expect(profile.mappings.first == "api", "the first binary is taken for the program")
        #expect(profile.mappings.sorted() == ["api", "libc.so.6", "libnio.so", "libswiftCore.so"])
        let frames = ["clock_nanosleep", "innerBlocking()", "checkout()", "handleRequest()", "Router.respond()"]
        #expect(
            profile.samples.prefix(2) == [
                .init(
                    functions: frames,
                    places: [
                        ":0", "/src/api/Sources/api/Checkout.swift:14", "/src/api/Sources/api/Checkout.swift:31",
                        "/src/api/Sources/api/Server.swift:7", ":0",
                    ],
                    values: [1, 312_000_000],
                    labels: ["target": "http-0", "cause": "syscall"]
                ),
                .init(
                    functions: frames,
                    places: profile.samples[0].places,
                    values: [1, 688_000_000],
                    labels: ["target": "http-1", "cause": "syscall"]
                ),
            ]
        )
        #expect(profile.samples.map(\.functions.last).suffix(3) == ["main", "(no frames)", "(no stack)"])
        #expect(profile.samples.reduce(0) { $0 + $1.values[1] } == Stacks.profile().totalNanoseconds)
    }

    @Test("an empty profile is a valid one without samples")
    func empty() throws {
        let profile = try parsed(StallProfile())
        #expect(profile.samples.isEmpty && profile.sampleTypes.count == 2)
    }

    @Test("1,000 groups are 512 samples and one for those that were forgotten")
    func thousandGroups() throws {
        let profile = Stacks.profile(groups: 1_000)
        let parsed = try parsed(profile)
        #expect(parsed.samples.count == Limits.profileStacks + 1)
        #expect(parsed.samples.last?.functions == ["(forgotten stacks)"])
        #expect(parsed.samples.reduce(0) { $0 + $1.values[1] } == profile.totalNanoseconds)
        #expect(parsed.samples.reduce(0) { $0 + $1.values[0] } == 1_000)
    }

    @Test("a profile with long names is cut to what an answer may have, and the sum stays")
    func large() throws {
        let profile = Stacks.profile(groups: 30, depth: 250, nameBytes: 900, targets: 2)
        let file = file(profile)
        #expect(file.count < 4 * 1_024 * 1_024, "\(file.count)")
        let parsed = try parsed(profile)
        #expect(parsed.samples.last?.functions == ["(stacks left out)"])
        #expect(parsed.samples.reduce(0) { $0 + $1.values[1] } == profile.totalNanoseconds)
    }

    @Test("hostile names come back as they were", arguments: Snapshots.hostileNames)
    func hostileNames(_ name: String) throws {
        let profile = try parsed(Stacks.profile(named: name), process: name)
        let shown = name.isEmpty ? "(no name)" : name
        #expect(profile.samples.map(\.functions) == [[shown, shown, shown]])
        #expect(profile.samples.map(\.labels) == [["target": name, "cause": "cpu"]])
        #expect(profile.words.last == "loopwatch, process " + name)
    }

    @Test("addresses, lines and times at the ends of their ranges do not trap")
    func extremes() throws {
        for (address, offset) in [(0, 0), (0, .max), (.max, 0), (.max, .max)] as [(UInt64, UInt64)] {
            var frame = StackFrame(function: "f", file: "", line: .min, module: "m", origin: .host)
            (frame.address, frame.moduleOffset) = (address, offset)
            var profile = StallProfile(beganUnixNanoseconds: .min)
            profile.record(
                stack: Stack(frames: [frame]),
                subject: .process,
                target: "",
                cause: .unknown,
                nanoseconds: .max,
                isNewStall: true,
                stallNanoseconds: .max,
                unixNanoseconds: .max
            )
            let parsed = try parsed(profile)
            #expect(parsed.samples.first?.places == [":\(Int.min)"])
            #expect(parsed.samples.first?.values == [1, .max])
        }
    }

    @Test("the system's gzip accepts the file and gives back what went in", arguments: [0, 1, 512])
    func gzip(_ groups: Int) throws {
        guard access("/bin/gzip", X_OK) == 0 || access("/usr/bin/gzip", X_OK) == 0 else { return }
        let file = file(Stacks.profile(groups: groups))
        let path = "/tmp/loopwatch-test-\(getpid())-\(groups).pb.gz"
        defer { unlink(path) }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        #expect(descriptor >= 0)
        #expect(write(descriptor, file, file.count) == file.count)
        close(descriptor)
        let pipe = try #require(popen("gzip -t \(path) && gzip -dc \(path)", "r"))
        var content: [UInt8] = []
        while true {
            let byte = getc(pipe)
            if byte == EOF { break }
            content.append(UInt8(truncatingIfNeeded: byte))
        }
        #expect(pclose(pipe) == 0)
        #expect(content == (try StoredGzip.read(file).content))
        #expect(!content.isEmpty)
    }

    @Test(
        "blocks are cut at their longest, and the checksum is that of RFC 1952",
        arguments: [0, 1, 65_534, 65_535, 65_536, 131_070, 131_071]
    )
    func blocks(_ count: Int) throws {
        let content = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        var file: [UInt8] = []
        GzipWriter.write(content, into: &file)
        #expect(try StoredGzip.read(file).content == content)
        #expect(file.count == count + 18 + 5 * max(1, (count + 65_534) / 65_535))
        #expect(GzipWriter.checksum(of: Array("123456789".utf8)) == 0xCBF4_3926)
        #expect(GzipWriter.checksum(of: []) == 0)
    }
}
