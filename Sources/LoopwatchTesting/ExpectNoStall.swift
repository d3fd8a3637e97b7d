// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

public import Loopwatch
internal import LoopwatchPlatform

/// Runs a body and fails the test, of Swift Testing or XCTest, for each time at which the code under test blocked a thread of
/// Swift's pool, the main actor, or one of the given loops.
///
/// ```swift
/// @Test func checkoutBlocksNobody() async throws {
///     try await expectNoStall { try await shop.checkout(cart) }
/// }
/// ```
///
/// A failure says for how long, where and why:
/// `pool thread blocked for 312ms at innerBlocking() Checkout.swift:14 < checkout() (syscall:clock_nanosleep)`. It points at
/// the call of this function.
///
/// A block counts that begins while the body runs. One that still goes on when the body returns is waited for, for at most
/// ten seconds; one that does not end is told of on standard error as well, so that a test that hangs says why. Time in which
/// the machine did not run the code that wanted to is no block, nor is a pool that is late because of very many short jobs.
///
/// *Tests that run at the same time* share the pool. A block is laid on this body if it is in a task that this body started:
/// tasks hand that on, but detached ones and closures that other libraries run do not. What bears no mark is laid on every
/// body that runs meanwhile, unless its stack shows that it is another test's. So a test whose blocks show up in others
/// belongs, with those, in a suite that is `.serialized`. Other processes do not matter.
///
/// Where every job of the pool cannot be accounted (`WatchSnapshot` tells), a warning says so: then only a pool that is
/// blocked as a whole is found.
///
/// The first call in a process takes some milliseconds, others some hundred microseconds. Safe from any task; not for measuring
/// how fast something is.
///
/// - Parameters:
///   - threshold: from which length on a block counts; 5 ms to a day. Each different one has a watch of its own.
///   - targets: loops and pools to watch beside Swift's; they are watched as long as the body runs.
///   - isolation: where the body runs: where the caller does.
///   - fileID: where a failure is to point.
///   - filePath: the same.
///   - line: the same.
///   - column: the same.
///   - body: the code under test.
/// - Returns: what the body returns.
/// - Throws: what the body throws; blocks are told of then too.
public func expectNoStall<Value>(
    threshold: Duration = .milliseconds(50),
    targets: [WatchTarget] = [],
    isolation: isolated (any Actor)? = #isolation,
    fileID: StaticString = #fileID,
    filePath: StaticString = #filePath,
    line: UInt = #line,
    column: UInt = #column,
    _ body: () async throws -> Value
) async rethrows -> Value {
    let place = SourcePlace(fileID: fileID, filePath: filePath, line: line, column: column)
    let check = await WaitingThread.run { StallCheck(threshold: threshold, targets: targets, place: place) }
    do {
        let value = try await TaskMarks.$current.withValue(check.mark) {
            // The body begins with a job of its own: what the test did before is not its doing.
            check.bodyBegins()
            await Task.yield()
            return try await body()
        }
        check.bodyEnded()
        await finish(check)
        return value
    } catch {
        check.bodyEnded()
        await finish(check)
        throw error
    }
}

/// Runs a synchronous body and fails the test for each time at which it blocked its thread, whichever that is, a thread of
/// Swift's pool, the main actor, or one of the given loops, for longer than the threshold.
///
/// For tests that are not asynchronous; all else is as for the other one. It blocks the caller until all is known.
///
/// - Parameters:
///   - threshold: from which length on a block counts; 5 ms to a day.
///   - targets: loops and pools to watch beside Swift's.
///   - fileID: where a failure is to point.
///   - filePath: the same.
///   - line: the same.
///   - column: the same.
///   - body: the code under test.
/// - Returns: what the body returns.
/// - Throws: what the body throws; blocks are told of then too.
@_disfavoredOverload  // In a test that is asynchronous the other one is meant, also for a body that is not.
public func expectNoStall<Value>(
    threshold: Duration = .milliseconds(50),
    targets: [WatchTarget] = [],
    fileID: StaticString = #fileID,
    filePath: StaticString = #filePath,
    line: UInt = #line,
    column: UInt = #column,
    _ body: () throws -> Value
) rethrows -> Value {
    let place = SourcePlace(fileID: fileID, filePath: filePath, line: line, column: column)
    let check = StallCheck(threshold: threshold, targets: targets, place: place)
    defer { for problem in check.finish() { TestFramework.record(problem, at: place) } }
    return try TaskMarks.$current.withValue(check.mark) { try check.runWatched(body) }
}

/// Waits for what is still to be known, and tells the test.
private func finish(_ check: StallCheck) async {
    let problems = await WaitingThread.run { check.finish() }
    // In the test's own task, by which its framework knows it.
    for problem in problems { TestFramework.record(problem, at: check.place) }
}
