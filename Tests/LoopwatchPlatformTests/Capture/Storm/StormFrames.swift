// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchCore
import LoopwatchPlatform

/// Tells frames that can be true from garbage, by other means than the unwinder's.
///
/// Belongs to one thread, but for the names, which all share.
struct StormFrames {
    /// Names of the functions of this program.
    final class Names: Sendable {
        private let lock = TestLock()
        // nonisolated(unsafe): guarded by the lock.
        nonisolated(unsafe) private let names = SymbolNames()

        /// The function of the storm that an address lies in.
        func function(_ address: UInt64) -> String? {
            lock.lock()
            defer { lock.unlock() }
            let name = names.name(of: address)
            return StormFrames.functions.first { name.contains($0) }
        }

        /// The name of the function that an address lies in.
        func name(_ address: UInt64) -> String {
            lock.lock()
            defer { lock.unlock() }
            return names.name(of: address)
        }
    }

    /// What stacks were like.
    struct Counts {
        var stacks = 0
        var frames = 0
        var framesMost = 0
        var uncertain = 0
        var recursionsMost = 0
        /// Stacks that end before the thread's beginning.
        var truncated = 0
        /// Those of them that end neither because of the limit nor with what was copied.
        var short = 0
        var asynchronous = 0
    }

    fileprivate static let functions =
        Set(StormAct.allCases.flatMap(\.functions)).union([
            "stormSleep", "stormPerform", "stormBeAlive", "stormGiveBirth",
        ])

    private(set) var counts = Counts()
    private let names: Names
    private let code = ExecutableMappings()
    private let executable: ExecutableMappings
    private var known: [UInt64: String?] = [:]

    init(_ names: Names) {
        self.names = names
        var path = [CChar](repeating: 0, count: Int(PATH_MAX))
        readlink("/proc/self/exe", &path, path.count - 1)
        executable = ExecutableMappings(of: String(decoding: path.prefix { $0 != 0 }.map { UInt8($0) }, as: UTF8.self))
    }

    /// What is wrong with a stack; `nil` if nothing is.
    ///
    /// - Parameters:
    ///   - stack: the stack.
    ///   - act: what its thread does; `nil` where that changes.
    ///   - isWhole: whether nothing but the unwinder ended it.
    mutating func fault(in stack: RawStack, of act: StormAct?, isWhole: Bool) -> String? {
        counts.stacks += 1
        counts.frames += stack.frames.count
        counts.framesMost = max(counts.framesMost, stack.frames.count)
        if stack.isTruncated { counts.truncated += 1 }
        if stack.isTruncated, isWhole { counts.short += 1 }
        if stack.frames.contains(where: { $0.isUncertain && $0.link == .call }) { counts.uncertain += 1 }
        if stack.frames.contains(where: { $0.link == .asynchronous }) { counts.asynchronous += 1 }
        for (index, frame) in stack.frames.enumerated() {
            let place = frame.isReturnAddress ? frame.address &- 1 : frame.address
            guard code.contain(place) else { return "frame \(index) is not in code" }
            let next = stack.frames.dropFirst(index + 1).first
            // Nothing calls the kernel's return from a signal; the frame above it was interrupted.
            let isSignalReturn = next.map { !$0.isReturnAddress && $0.link == .call } ?? false
            guard !frame.isReturnAddress || isSignalReturn || Self.isAfterCall(frame.address) else {
                return "frame \(index) is not after a call"
            }
            if index == 0, frame.isReturnAddress { return "the innermost frame is no return address" }
            if frame.link == .asynchronous, frame.isReturnAddress { return "frame \(index): a resume function" }
        }
        return order(of: stack, act)
    }

    /// Whether the functions of the storm are those of the act, each called by one that calls it, outermost last.
    private mutating func order(of stack: RawStack, _ act: StormAct?) -> String? {
        var callee: String?
        var recursions = 0
        for frame in stack.frames {
            guard let function = function(frame.isReturnAddress ? frame.address &- 1 : frame.address) else { continue }
            let isOwn: Bool
            switch function {
            case "stormSleep": isOwn = callee == nil
            // An optimised closure is called by a function that has its name.
            case "stormBeAlive": isOwn = callee == nil || callee == "stormPerform" || callee == function
            case "stormPerform": isOwn = callee.map { $0 != "stormBeAlive" && $0 != "stormGiveBirth" } ?? true
            case "stormGiveBirth":
                isOwn = act == nil && (callee == nil || callee == "stormPerform" || callee == function)
            default:
                isOwn =
                    (act.map { $0.functions.contains(function) } ?? true)
                    && (callee == nil || callee == function)
            }
            guard isOwn else {
                return "\(function) calls \(callee ?? "nothing") in \(act.map { "\($0)" } ?? "a child")"
            }
            if function == "stormRecurse" { recursions += 1 }
            callee = function
        }
        counts.recursionsMost = max(counts.recursionsMost, recursions)
        if recursions > StormAct.depthMost + 1 { return "\(recursions) recursions" }
        guard !stack.isTruncated, let act, act != .asynchronous else { return nil }
        return callee == "stormBeAlive" ? nil : "begins in \(callee ?? "nothing")"
    }

    private mutating func function(_ address: UInt64) -> String? {
        guard executable.contain(address) else { return nil }
        if let known = known[address] { return known }
        let function = names.function(address)
        known[address] = function
        return function
    }

    #if arch(x86_64)
        /// Whether the bytes before an address are a call: Intel's manual, volume 2, CALL, and 2.1.3 for the lengths.
        static func isAfterCall(_ address: UInt64) -> Bool {
            guard let end = UnsafeRawPointer(bitPattern: UInt(address)) else { return false }
            func byte(_ distance: Int) -> UInt8 { (end - distance).load(as: UInt8.self) }
            if byte(5) == 0xe8 { return true }
            for length in 2...7 where byte(length) == 0xff {
                let form = byte(length - 1)
                guard form >> 3 & 7 == 2 else { continue }
                let (mode, operand) = (form >> 6, form & 7)
                var wanted = 2
                if mode == 1 { wanted += 1 }
                if mode == 2 || mode == 0 && operand == 5 { wanted += 4 }
                if mode != 3, operand == 4 {
                    wanted += 1
                    if length > 2, mode == 0, byte(length - 2) & 7 == 5 { wanted += 4 }
                }
                if wanted == length { return true }
            }
            return false
        }
    #else
        /// Whether the instruction before an address is BL, BLR or BLRA: Arm Architecture Reference Manual, C4.1.
        static func isAfterCall(_ address: UInt64) -> Bool {
            guard address % 4 == 0, let end = UnsafeRawPointer(bitPattern: UInt(address)) else { return false }
            let word = (end - 4).load(as: UInt32.self)
            return word >> 26 == 0x25 || word & 0xfeff_f000 == 0xd63f_0000
        }
    #endif
}

/// The parts of the address space that code runs in, as the kernel has them.
struct ExecutableMappings {
    private let ranges: [Range<UInt64>]

    /// Reads what is mapped now.
    ///
    /// - Parameter path: the file that is mapped; `nil` for any.
    init(of path: String? = nil) {
        var ranges: [Range<UInt64>] = []
        var line: UnsafeMutablePointer<CChar>?
        var capacity = 0
        let file = fopen("/proc/self/maps", "re")
        while let file, getline(&line, &capacity, file) > 0, let line {
            // START-END ACCESS OFFSET DEVICE INODE PATH
            let fields = String(cString: line).split(whereSeparator: { $0 == " " || $0 == "\n" })
            let ends = fields[0].split(separator: "-").compactMap { UInt64($0, radix: 16) }
            guard ends.count == 2, fields.count > 1, fields[1].contains("x") else { continue }
            if let path, fields.count < 6 || fields[5] != path { continue }
            ranges.append(ends[0]..<ends[1])
        }
        free(line)
        if let file { fclose(file) }
        self.ranges = ranges
    }

    /// Whether an address is in one of them.
    func contain(_ address: UInt64) -> Bool { ranges.contains { $0.contains(address) } }
}
