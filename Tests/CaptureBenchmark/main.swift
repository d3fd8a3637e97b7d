// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchCore
import LoopwatchPlatform
import Synchronization

// What it costs to learn what a blocked thread does: `swift run -c release capture-benchmark`.
//
// Each figure is the median of its rounds. CPU time of the capturing thread, time on the clock, and for captures by signal
// for how long the captured thread was held. `capture-benchmark --history TARGETS` measures what the history of so many
// targets takes instead.

if let option = CommandLine.arguments.firstIndex(of: "--history") {
    guard let targets = CommandLine.arguments.dropFirst(option + 1).first.flatMap({ Int($0) }), targets > 0 else {
        print("usage: capture-benchmark [--history TARGETS]")
        exit(64)
    }
    HistoryCost.measure(targets: targets)
    exit(0)
}

let isStopping = Atomic(false)
let asleep = Atomic<Int32>(0)
let computing = Atomic<Int32>(0)

@inline(never) func nested(_ depth: Int, _ body: () -> Int) -> Int { depth == 0 ? body() : nested(depth - 1, body) + 1 }

@inline(never) func sleepForLong() -> Int {
    while !isStopping.load(ordering: .relaxed) { usleep(600_000_000) }
    return 1
}

@inline(never) func computeForLong() -> Int {
    var sum = 0
    while !isStopping.load(ordering: .relaxed) { sum &+= 1 }
    return sum & 1
}

/// Nanoseconds of CPU that the calling thread has used.
func cpu() -> Int64 { Clock.threadCPUNanoseconds(of: OwnThread.currentIdentifier) ?? 0 }

func median(_ values: [Int64]) -> Double { Double(values.sorted()[values.count / 2]) / 1e3 }

/// Measures one round after another, and says what each took.
@MainActor func measure(_ name: String, rounds: Int, _ body: @MainActor () -> String) {
    var wall: [Int64] = []
    var used: [Int64] = []
    var note = ""
    for _ in 0..<rounds {
        let (before, beforeCPU) = (Clock.now(), cpu())
        note = body()
        wall.append(Clock.now().nanoseconds(since: before))
        used.append(cpu() - beforeCPU)
    }
    print("\(name): \(median(used)) us of CPU, \(median(wall)) us; \(rounds) rounds; \(note)")
}

func thread(_ identifier: borrowing Atomic<Int32>) -> ThreadView {
    while identifier.load(ordering: .acquiring) == 0 { usleep(1_000) }
    usleep(50_000)
    return ThreadView(identifier.load(ordering: .acquiring))
}

let threads = try [
    OwnThread(name: "asleep", blocksSignals: false) {
        asleep.store(OwnThread.currentIdentifier, ordering: .releasing)
        _ = nested(10, sleepForLong)
    },
    OwnThread(name: "computing", blocksSignals: false) {
        computing.store(OwnThread.currentIdentifier, ordering: .releasing)
        _ = nested(10, computeForLong)
    },
]
let sleeper = thread(asleep)
let computer = thread(computing)

var capture = ThreadCapture(policy: CapturePolicy())
var unwinder = Unwinder()
var stacks: [RawStack] = []

/// Captures and unwinds; keeps the stack.
@MainActor func take(_ view: ThreadView) -> String {
    let result = capture.capture(view) { registers, memory, _ in
        unwinder.unwind(from: registers, memory: &memory, framesMost: Limits.stackFrames)
    }
    switch result {
    case .success(let stack):
        stacks = [stack]
        return "\(stack.frames.count) frames\(stack.isTruncated ? ", truncated" : "")"
    case .failure(let omission): return omission.text
    }
}

measure("thread asleep, first capture", rounds: 1) { take(sleeper) }
measure("thread asleep, captured and unwound", rounds: 5_000) { take(sleeper) }
let slept = stacks[0]
measure("thread that computes, captured by signal and unwound", rounds: 200) { take(computer) }
let statistics = capture.statistics
let pause = Double(statistics.pauseNanosecondsTotal) / 1e3 / Double(max(1, statistics.signalled))
let longest = Double(statistics.pauseNanosecondsMaximum) / 1e3
print(
    "the thread that computes was held \(pause) us on average, \(longest) us at most; \(statistics.signalled) captures"
)

let symbolizer = Symbolizer()
measure("names, preparation", rounds: 1) {
    symbolizer.warmUp()
    return "\(symbolizer.statistics.images) binaries"
}
measure("names of a stack that was never seen", rounds: 1) { "\(symbolizer.stack(for: slept).frames.count) frames" }
measure("names of a stack that is known", rounds: 5_000) { "\(symbolizer.stack(for: slept).frames.count) frames" }
print(symbolizer.stack(for: slept).frames.map(\.function).joined(separator: " < "))

isStopping.store(true, ordering: .relaxed)
// The sleeper sleeps for ten minutes more: the process does not wait for it.
exit(0)
