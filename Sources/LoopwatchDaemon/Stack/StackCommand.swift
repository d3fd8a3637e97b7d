// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform

/// Prints the stacks of a process's threads: `loopwatch stack PID [TID]`.
struct StackCommand {
    let options: StackOptions
    let output: Console

    /// Whoever asks waits for lines as long as this for each thread, in nanoseconds: once, with nothing read before.
    private static let lineNanoseconds: Int64 = 3_000_000_000

    /// Reads and prints the stacks.
    ///
    /// - Throws: ``CommandError`` where the process or the thread cannot be read.
    func run() throws(CommandError) {
        var reader: RemoteStackReader
        do throws(RemoteStackProblem) {
            reader = try RemoteStackReader(
                process: options.process,
                symbols: RemoteSymbolCache(lineProgram: LineService.program),
                lineNanoseconds: Self.lineNanoseconds
            )
        } catch {
            throw .unavailable("process \(options.process) cannot be read: \(error.text).")
        }
        let all = RemoteThreadList.identifiers(of: options.process)
        if let thread = options.thread, !all.contains(thread) {
            throw .unavailable("process \(options.process) has no thread \(thread).")
        }
        let interpreters = reader.interpreters.map { ", " + $0 }.joined()
        output.line("process \(options.process)\(interpreters), \(all.count) \(all.count == 1 ? "thread" : "threads")")
        for remark in reader.remarks { output.line("note: \(remark)") }
        for thread in all where options.thread == nil || options.thread == thread {
            // A watcher's thread that has gone between is no error.
            guard let name = RemoteThreadList.name(of: thread, in: options.process) else { continue }
            let activity = RemoteThreadList.activity(of: thread, in: options.process) ?? "unknown"
            output.write("\n")
            output.line("thread \(thread) \"\(name)\": \(activity)")
            switch reader.stack(of: thread, allowsStop: options.allowsStop) {
            case .success(let stack): write(stack)
            case .failure(let omission): output.line("    stack omitted: \(omission.text)")
            }
        }
        let cost = reader.statistics
        guard cost.stops > 0 else { return }
        output.write("\n")
        let longest = (cost.stopNanosecondsMaximum + 999) / 1_000
        output.line("stopped \(cost.stops) \(cost.stops == 1 ? "time" : "times"), for at most \(longest) us")
    }

    private func write(_ stack: Stack) {
        let blamed = stack.blamedIndex
        for (index, frame) in stack.frames.enumerated() {
            output.line((index == blamed ? "  * " : "    ") + Self.text(of: frame, isDetailed: options.isDetailed))
        }
        if stack.isTruncated { output.line("    (the outermost frames are not known)") }
    }

    /// One frame as a line.
    static func text(of frame: StackFrame, isDetailed: Bool) -> String {
        var text = frame.function
        if frame.link == .asynchronous { text = "< " + text }
        if let file = frame.file {
            text += " (" + file + (frame.line.map { ":\($0)" } ?? "") + ")"
        } else if !frame.module.isEmpty, !frame.function.hasPrefix(frame.module) {
            text += " (" + frame.module + ")"
        }
        if frame.isUncertain { text += " ?" }
        guard isDetailed else { return text }
        let offset = frame.moduleOffset == 0 ? "" : " +0x" + String(frame.moduleOffset, radix: 16)
        return text + " [\(frame.origin.rawValue)\(offset)]"
    }
}
