// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchCore
import Runtime
import Testing

@testable import LoopwatchPlatform

/// Return addresses of the calling thread, as the C library's unwinder finds them.
@inline(never)
private func returnAddresses() -> RawStack {
    typealias Unwind = @convention(c) (UnsafeMutablePointer<UnsafeMutableRawPointer?>?, CInt) -> CInt
    // The Glibc module does not import execinfo.h.
    let backtrace = unsafeBitCast(dlsym(nil, "backtrace"), to: Unwind.self)
    var buffer = [UnsafeMutableRawPointer?](repeating: nil, count: 64)
    let count = buffer.withUnsafeMutableBufferPointer { backtrace($0.baseAddress, CInt($0.count)) }
    let frames = buffer.prefix(Int(count)).map { pointer in
        RawFrame(address: UInt64(UInt(bitPattern: pointer)), isReturnAddress: true)
    }
    return RawStack(frames: frames, isTruncated: false)
}

private struct Fixture {
    static let callLine = #line + 4

    @inline(never)
    func inner(order: Int) -> RawStack {
        let stack = returnAddresses()
        return order > .max - 1 ? RawStack(frames: [], isTruncated: true) : stack
    }

    @inline(never)
    func outer(_ order: Int) -> RawStack {
        let stack = inner(order: order + 1)
        return order > .max - 1 ? RawStack(frames: [], isTruncated: true) : stack
    }
}

private enum AsynchronousFixture {
    @inline(never)
    static func inner() async -> [RawFrame] {
        await Task.yield()
        guard let captured = try? Backtrace.capture() else { return [] }
        await Task.yield()
        return captured.frames.compactMap { frame in
            switch frame {
            case .programCounter(let address):
                UInt64(address).map { RawFrame(address: $0, isReturnAddress: false) }
            case .returnAddress(let address):
                UInt64(address).map { RawFrame(address: $0, isReturnAddress: true) }
            case .asyncResumePoint(let address):
                UInt64(address).map { RawFrame(address: $0, isReturnAddress: false, link: .asynchronous) }
            default: nil
            }
        }
    }

    @inline(never)
    static func outer(_ label: Int) async -> [RawFrame] {
        let frames = await inner()
        return label > .max - 1 ? [] : frames
    }
}

extension Symbolizer {
    /// One that takes its time, as a debug build needs it.
    fileprivate static func patient(addressesCached: Int = 1_024, stacksCached: Int = 16) -> Symbolizer {
        Symbolizer(addressesCached: addressesCached, stacksCached: stacksCached, stackCPUNanoseconds: .max)
    }
}

private func address(of symbol: String) throws -> UInt64 {
    // RTLD_DEFAULT
    UInt64(UInt(bitPattern: try #require(dlsym(nil, symbol))))
}

@Suite("Names for captured stacks")
struct SymbolizerTests {
    @Test("functions of this binary have their name, file and line")
    func names() throws {
        let symbolizer = Symbolizer.patient()
        let stack = symbolizer.stack(for: Fixture().outer(1))
        let names = stack.frames.map(\.function)
        let inner = try #require(stack.frames.firstIndex { $0.function.hasSuffix("Fixture.inner(order:)") }, "\(names)")
        let outer = try #require(stack.frames.firstIndex { $0.function.hasSuffix("Fixture.outer(_:)") }, "\(names)")
        #expect(inner < outer)
        #expect(stack.frames[inner].file?.hasSuffix("SymbolizerTests.swift") == true)
        #expect(stack.frames[inner].line == Fixture.callLine)
        #expect(stack.frames[inner].origin == .host)
        #expect(stack.frames[inner].module.hasSuffix(".xctest"))
        #expect(stack.frames[inner].moduleOffset > 0)
        #expect(symbolizer.statistics.isComplete)
    }

    @Test("a stack is complete once all its addresses are known, however little time there was for it")
    func complete() {
        let symbolizer = Symbolizer.patient()
        let raw = Fixture().outer(1)
        #expect(!symbolizer.isComplete(raw))
        #expect(symbolizer.stack(for: raw, within: 0).frames.isEmpty == false && !symbolizer.isComplete(raw))
        #expect(symbolizer.advance(raw, within: .max) && !symbolizer.isComplete(raw))
        _ = symbolizer.stack(for: raw, within: 0)
        #expect(symbolizer.isComplete(raw))
    }

    @Test("a return address is looked up before it, a resume function and an innermost frame at it")
    func exactly() throws {
        let symbolizer = Symbolizer.patient()
        let start = try address(of: "nanosleep")
        let at = RawFrame(address: start, isReturnAddress: false)
        let before = RawFrame(address: start, isReturnAddress: true, link: .asynchronous, isUncertain: true)
        let frames = symbolizer.stack(for: RawStack(frames: [at, before], isTruncated: true)).frames
        #expect(frames[0].function == "nanosleep")
        #expect(frames[1].function != "nanosleep")
        #expect(frames[0].moduleOffset == frames[1].moduleOffset + 1)
        #expect(frames.map(\.address) == [start, start])
        #expect(frames.map(\.isUncertain) == [false, true])
        #expect(frames.map(\.link) == [.call, .asynchronous])
        #expect(frames.map(\.origin) == [.system, .system])
        #expect(frames[0].module.hasPrefix("libc"))
    }

    @Test("asynchronous callers have the name of their function, and not of the part that resumes it")
    func asynchronous() async throws {
        let raw = await AsynchronousFixture.outer(1)
        let stack = Symbolizer.patient().stack(for: RawStack(frames: raw, isTruncated: false))
        let outer = stack.frames.first { $0.function.hasSuffix("AsynchronousFixture.outer(_:)") }
        #expect(stack.frames.contains { $0.function.hasSuffix("AsynchronousFixture.inner()") }, "\(stack.frames)")
        #expect(outer?.link == .asynchronous, "\(stack.frames)")
        #expect(outer?.origin == .host)
        #expect(outer?.file?.hasSuffix("SymbolizerTests.swift") == true)
    }

    @Test("addresses that no binary holds are unknown, and nothing traps")
    func garbage() {
        let symbolizer = Symbolizer.patient()
        let heap = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 16)
        defer { heap.deallocate() }
        let addresses: [UInt64] = [
            0, 1, .max, .max - 1, 1 << 63, 0x1000, 0x7fff_ffff_f000, UInt64(UInt(bitPattern: heap)),
        ]
        for isReturnAddress in [true, false] {
            let raw = addresses.map { RawFrame(address: $0, isReturnAddress: isReturnAddress) }
            let stack = symbolizer.stack(for: RawStack(frames: raw, isTruncated: false))
            #expect(stack.frames.count == addresses.count)
            #expect(stack.frames.allSatisfy { $0.origin == .unknown })
            #expect(stack.frames.map(\.address) == addresses)
        }
        #expect(symbolizer.stack(for: RawStack(frames: [], isTruncated: true)) == Stack(frames: [], isTruncated: true))
    }

    @Test("without symbols, code has its binary and offset as name, and what calls main is not the host's")
    func nameless() throws {
        let images = ImageTable.capture().images
        let executable = try #require(images.first { $0.origin == .host && $0.entry != nil })
        let entry = try #require(executable.entry)
        #expect(SymbolNames().name(of: executable.bias + entry) == "_start")
        let start = Symbolizer.nameless(entry + 20, in: executable)
        #expect(start.function == "_start" && start.origin == .system)
        for offset in [entry - 1, entry + 64] {
            let frame = Symbolizer.nameless(offset, in: executable)
            #expect(frame.function == "\(executable.name)+0x\(String(offset, radix: 16))")
            #expect(frame.origin == .host && frame.moduleOffset == offset)
        }
        #expect(images.allSatisfy { $0 == executable || $0.entry == nil })
    }

    @Test("any address in any binary's code is looked up without a trap")
    func anyCode() {
        let symbolizer = Symbolizer.patient(addressesCached: 64, stacksCached: 2)
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<20 {
            let raw = ImageTable.capture().images.map { image in
                let address = UInt64.random(in: image.textStart..<image.textEnd, using: &generator)
                return RawFrame(address: address, isReturnAddress: false)
            }
            let stack = symbolizer.stack(for: RawStack(frames: raw, isTruncated: false))
            #expect(stack.frames.allSatisfy { !$0.function.isEmpty && !$0.module.isEmpty && $0.origin != .unknown })
        }
        let statistics = symbolizer.statistics
        #expect(statistics.addressesCached <= 64)
        #expect(statistics.misses <= statistics.lookups)
        #expect(statistics.evictions > 0)
        #expect(statistics.nanoseconds > 0)
    }

    @Test("a stack that was seen before is not looked up again")
    func cached() {
        let symbolizer = Symbolizer.patient()
        symbolizer.warmUp()
        let raw = Fixture().outer(1)
        let first = symbolizer.stack(for: raw)
        let lookups = symbolizer.statistics.lookups
        #expect(symbolizer.stack(for: raw) == first)
        #expect(symbolizer.statistics.lookups == lookups)
        #expect(symbolizer.statistics.stacksCached == 1)
    }

    @Test("a stack that takes too long has names without lines, and is completed the next time")
    func hurried() {
        let raw = Fixture().outer(1)
        let hurried = Symbolizer(addressesCached: 64, stacksCached: 4, stackCPUNanoseconds: 0)
        let stack = hurried.stack(for: raw)
        #expect(stack.frames.contains { $0.function.hasSuffix("Fixture.inner(order:)") && $0.line == nil })
        #expect(hurried.statistics.stacksCached == 0)
    }

    @Test("a stack that is deeper than the limit is cut")
    func deep() throws {
        let frame = RawFrame(address: try address(of: "nanosleep"), isReturnAddress: false)
        let raw = RawStack(frames: Array(repeating: frame, count: SymbolLimits.frames + 1), isTruncated: false)
        let stack = Symbolizer.patient().stack(for: raw)
        #expect(stack.frames.count == SymbolLimits.frames)
        #expect(stack.isTruncated)
    }

    @Test("files that are mapped and then truncated, or may not be read, do no harm")
    func hostileMappings() async {
        await #expect(processExitsWith: .success) {
            let path = "/tmp/loopwatch-symbolizer-test-\(getpid())"
            for protection in [PROT_READ, PROT_READ | PROT_EXEC, PROT_NONE] {
                let descriptor = open(path, O_RDWR | O_CREAT, 0o600)
                guard descriptor >= 0, ftruncate(descriptor, 8_192) == 0,
                    let memory = mmap(nil, 8_192, protection, MAP_SHARED, descriptor, 0), memory != MAP_FAILED,
                    ftruncate(descriptor, 0) == 0
                else { exit(2) }
                unlink(path)
                let frame = RawFrame(address: UInt64(UInt(bitPattern: memory)), isReturnAddress: false)
                let stack = Symbolizer.patient().stack(for: RawStack(frames: [frame], isTruncated: false))
                guard stack.frames.count == 1 else { exit(3) }
            }
            exit(0)
        }
    }
}
