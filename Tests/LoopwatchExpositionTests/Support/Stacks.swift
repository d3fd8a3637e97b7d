// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore

/// Stacks and profiles that tests write.
enum Stacks {
    /// A frame of the host's code.
    static func host(
        _ function: String,
        _ place: (file: String, line: Int)? = nil,
        link: StackFrame.Link = .call,
        isUncertain: Bool = false,
        offset: UInt64 = 0x1000
    ) -> StackFrame {
        StackFrame(
            function: function,
            file: place?.file,
            line: place?.line,
            module: "api",
            moduleOffset: offset,
            address: 0x5555_0000_0000 + offset,
            origin: .host,
            link: link,
            isUncertain: isUncertain
        )
    }

    /// A frame of a library.
    static func library(
        _ function: String,
        _ module: String,
        _ origin: StackFrame.Origin,
        link: StackFrame.Link = .call,
        offset: UInt64 = 0x2000
    ) -> StackFrame {
        StackFrame(
            function: function,
            module: module,
            moduleOffset: offset,
            address: 0x7FFF_0000_0000 + offset,
            origin: origin,
            link: link
        )
    }

    /// The stack of the README: a sleep in an asynchronous function, its job's frames, and who awaits it.
    static let checkout = Stack(frames: [
        library("clock_nanosleep", "libc.so.6", .system, offset: 0xD9),
        host("innerBlocking()", ("/src/api/Sources/api/Checkout.swift", 14), offset: 0x1010),
        host("checkout()", ("/src/api/Sources/api/Checkout.swift", 31), link: .inlined, offset: 0x1010),
        library("swift_job_run", "libswift_Concurrency.so", .runtime, offset: 0x4000),
        library("_dispatch_worker_thread", "libdispatch.so", .dispatch, offset: 0x5000),
        library("start_thread", "libc.so.6", .system, offset: 0x900),
        host("handleRequest()", ("/src/api/Sources/api/Server.swift", 7), link: .asynchronous, offset: 0x1020),
        host("Router.respond()", link: .asynchronous, isUncertain: true, offset: 0x1030),
    ])

    /// A stack without asynchronous callers, whose outermost frames are missing.
    static let parse = Stack(
        frames: [
            library("memmove", "libc.so.6", .system, offset: 0x77),
            library("Swift.String.init", "libswiftCore.so", .runtime, offset: 0x88),
            host("JSONParser.parse(_:)", ("JSONParser.swift", 210), offset: 0x1040),
            host("Upload.read<A>(_: A) -> [Int]", offset: 0x1050),
            library("libnio.so+0x99", "libnio.so", .unknown, offset: 0x99),
        ],
        isTruncated: true
    )

    /// A profile with an asynchronous stack, a plain one, one of two targets, and time without a stack.
    static func profile() -> StallProfile {
        var profile = StallProfile(beganUnixNanoseconds: Snapshots.now - 60_000_000_000)
        func record(_ stack: Stack, _ target: String, _ cause: Cause, milliseconds: Int64, isNew: Bool = true) {
            profile.record(
                stack: stack,
                subject: target == "files" ? .pool : .loop,
                target: target,
                cause: cause,
                nanoseconds: milliseconds * 1_000_000,
                isNewStall: isNew,
                stallNanoseconds: milliseconds * 1_000_000,
                unixNanoseconds: Snapshots.now - milliseconds * 1_000_000
            )
        }
        record(checkout, "http-0", .syscall("clock_nanosleep"), milliseconds: 312)
        record(checkout, "http-1", .syscall("clock_nanosleep"), milliseconds: 188)
        record(checkout, "http-1", .syscall("clock_nanosleep"), milliseconds: 500, isNew: false)
        record(parse, "http-0", .cpu, milliseconds: 420)
        record(Stack(frames: [host("main")]), "files", .lock, milliseconds: 80)
        record(Stack(frames: []), "http-0", .unknown, milliseconds: 10)
        profile.recordUnattributed(nanoseconds: 90_000_000, isNewStall: true)
        return profile
    }

    /// A profile in which every name is a given one.
    static func profile(named name: String) -> StallProfile {
        var profile = StallProfile()
        let frames = [
            StackFrame(function: name, file: name, line: 1, module: name, origin: .host),
            StackFrame(function: name, file: name, module: name, origin: .host, link: .inlined, isUncertain: true),
            StackFrame(function: name, module: name, origin: .runtime, link: .asynchronous),
        ]
        profile.record(
            stack: Stack(frames: frames, isTruncated: true),
            subject: .loop,
            target: name,
            cause: .cpu,
            nanoseconds: 1_000_000,
            isNewStall: true,
            stallNanoseconds: 1_000_000,
            unixNanoseconds: 0
        )
        return profile
    }

    /// A profile of many groups, each with a stack of its own.
    static func profile(groups: Int, depth: Int = 20, nameBytes: Int = 30, targets: Int = 1) -> StallProfile {
        var profile = StallProfile(beganUnixNanoseconds: Snapshots.now - 60_000_000_000)
        for group in 0..<groups {
            let filling = String(repeating: "x", count: nameBytes)
            let frames = (0..<depth).map { host("f\(group).\($0)\(filling)", ("File\($0).swift", $0)) }
            for target in 0..<targets {
                profile.record(
                    stack: Stack(frames: frames),
                    subject: .loop,
                    target: "loop-\((group + target) % 64)",
                    cause: .cpu,
                    nanoseconds: Int64(group + 1) * 1_000_000,
                    isNewStall: true,
                    stallNanoseconds: 1,
                    unixNanoseconds: Snapshots.now
                )
            }
        }
        return profile
    }

    /// Text of random scalars, many of them of the sort that breaks formats.
    static func randomName(using generator: inout some RandomNumberGenerator) -> String {
        var name = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: 0...40, using: &generator) {
            switch Int.random(in: 0..<4, using: &generator) {
            case 0:
                name.append(
                    contentsOf: Snapshots.hostileNames.randomElement(using: &generator)?.unicodeScalars
                        ?? "x".unicodeScalars
                )
            case 1: name.append(Unicode.Scalar(UInt8.random(in: 0...255, using: &generator)))
            case 2: name.append(";<>&\"'\\{}%= ".unicodeScalars.randomElement(using: &generator) ?? ";")
            default:
                let value = UInt32.random(in: 0...0x10FFFF, using: &generator)
                name.append(Unicode.Scalar(value) ?? "\u{FFFF}")
            }
        }
        return String(name)
    }
}
