// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Every bound of the project, in one place, each with its reason; what a bound drops is counted by a metric.
public enum Limits {
    /// Loops that may be registered at once, by default.
    ///
    /// 64 loops and 16 pools keep an exposition under 10,000 series.
    public static let loopsDefault = 64
    /// Most loops that a configuration may allow.
    public static let loopsMaximum = 1_024
    /// Pools that may be registered at once, by default.
    public static let poolsDefault = 16
    /// Most pools that a configuration may allow.
    public static let poolsMaximum = 64
    /// Longest target name, in UTF-8 bytes: it becomes a label value of every series of the target.
    public static let targetNameBytes = 128
    /// Longest process name, in UTF-8 bytes, for the same reason.
    public static let processNameBytes = 128
    /// Lowest resolution that is accepted, in nanoseconds: below it the timer costs more than it tells.
    public static let resolutionNanosecondsMinimum: Int64 = 1_000_000
    /// Highest resolution that is accepted, in nanoseconds.
    public static let resolutionNanosecondsMaximum: Int64 = 10_000_000_000
    /// Share of one CPU that the watchdog keeps to while nothing is blocked, by looking less often at targets that are busy and
    /// answer: together with what the accounting of jobs costs, a host that uses one CPU pays less than 1 %.
    public static let watchdogCPUShareMost = 0.005
    /// Share of one CPU that the thread that watches another process keeps to while nothing is blocked, by looking less often at
    /// loops in their wait; with the rest of the program the watch of one process costs less than 1 %.
    public static let remoteCPUShareMost = 0.009
    /// Lowest threshold that is accepted, in nanoseconds: the noise of a busy machine lies just below it.
    public static let thresholdNanosecondsMinimum: Int64 = 5_000_000
    /// Highest threshold that is accepted, in nanoseconds (one day).
    public static let thresholdNanosecondsMaximum: Int64 = 86_400_000_000_000
    /// Latest warnings kept for `/warnings`.
    public static let warningsKept = 1_024
    /// Warnings that wait for the log writer; more are dropped and counted, because the watchdog never waits for a disk.
    public static let warningsQueuedForLog = 1_024
    /// Frames of a stack that are captured; deeper ones are left out, and the stack says so.
    public static let stackFrames = 128
    /// Threads of Dispatch whose clocks are read, so that it is known when they began what they are at.
    public static let dispatchWorkers = 32
    /// Threads of a pool that are captured for one report, 50 us each.
    public static let poolThreadsCaptured = 32
    /// Jobs that hold threads at once and are watched: as many as threads are accounted.
    public static let jobsHeld = 1_024
    /// Readings that are remembered for a priority, to know since when its oldest job waits; more are made half as many.
    public static let laneIntervals = 64
    /// Work items that one metered pool may run at once and have timed; further ones are counted as untracked.
    public static let meterSlots = 1_024
    /// Long work items of a metered pool that are remembered after their end, until the watchdog reads of them.
    public static let meterLongJobs = 64
    /// Groups of threads with the same stack that a report tells.
    public static let stackGroups = 8
    /// Threads of the process that are looked through for those of a pool, for one report.
    public static let threadsSearched = 64
    /// Blocks for which a report is prepared before the threshold, in one second.
    ///
    /// Each costs 0.1 to 0.3 ms of CPU, and a
    /// thread that computes is held for some microseconds. Beyond that reports are made when they are due.
    public static let preparationsPerSecond = 32
    /// Reports of blocks that go on for which threads are captured, in one second; further ones have no stack.
    ///
    /// Blocks are found and counted all the same. They are so many only if hundreds of loops block at once, or for a few
    /// milliseconds over a low threshold; then most warnings are kept back, and the profile is one of a sample.
    public static let reportCapturesPerSecond = 128
    /// Prepared reports that are kept until they are due; the oldest are forgotten.
    public static let preparationsKept = 64
    /// Threads that wait for a capture by signal; more are not captured.
    public static let capturesQueued = 256
    /// Captures by signal that one watch has under way at once: more loops can hardly compute at the same moment.
    public static let capturesUnderWay = 8
    /// Reports that wait for the names of their code; more are dropped and counted.
    public static let reportsQueued = 1_024
    /// Fingerprints whose report rate is remembered; the least recently used is forgotten.
    public static let reportFingerprints = 1_024
    /// Stalls that go on for which it is remembered whether they are written: more than targets can have at once.
    public static let reportDecisions = 4_096
    /// Stalls of one fingerprint that are written at once before the rate limit applies, by default.
    public static let reportBurstDefault = 10
    /// Most that a configuration may allow.
    public static let reportBurstMaximum = 1_000_000
    /// Nanoseconds after which one more stall of a rate-limited fingerprint is written.
    public static let reportRefillNanoseconds: Int64 = 1_000_000_000
    /// Interruptions of the whole process that are remembered for subtracting them from stalls.
    public static let interruptionsKept = 128
    /// Ways of waiting that are remembered for one loop.
    public static let parkSignatures = 8
    /// Different system calls that are told apart within one stall.
    public static let callsInEvidence = 16
    /// Different stacks in the profile; the one with the least blocked time is forgotten first.
    public static let profileStacks = 512
    /// Pairs of target and cause that are told apart in one group of the profile; the rest are taken together.
    public static let profileShares = 16
    /// Callers that a warning line names after the frame to blame.
    public static let callersInLine = 8
    /// Bytes of a warning line's list of callers, before quoting: longer lines are cut by many tools.
    public static let callersBytesInLine = 300
    /// Bytes of the sentence that says what keeps a pool's jobs waiting, in a warning line, before quoting.
    public static let sentenceBytesInLine = 600
    /// Bytes of one function's name, or of what a system call was about, in a warning line, before quoting.
    public static let nameBytesInLine = 200
    /// Bytes of one name (function, file, module) in a stack that is written in full: generic code has names without end.
    public static let nameBytesInStack = 1_024
    /// Frames of a stack that are written in full.
    public static let framesInStack = 256
    /// Bytes of a stack in one report, a fraction of what waits for a client of the live tail; outer frames are left out.
    public static let stackBytesInReport = 48 * 1_024
    /// Bytes of stacks in one answer, half of what an answer may have: what comes after is written without its frames.
    public static let stackBytesInAnswer = 2 * 1_024 * 1_024
    /// Functions of a flame graph, drawn or not; deeper ones are left out.
    public static let flameGraphNodes = 65_536
    /// Boxes of a flame graph: more could not be told apart.
    public static let flameGraphBoxes = 8_000
    /// Threads of another process that are told apart; the rest are not looked at.
    public static let remoteThreads = 512
    /// Threads of a pool in another process whose stacks are read for one report.
    public static let remoteThreadsCaptured = 64
    /// Loops of one other process that are watched: each takes three descriptors and 70 KB of records.
    public static let remoteLoops = 64
    /// Pools of threads of one other process that are watched.
    public static let remotePools = 16
    /// Other processes that are watched at once: each has a thread of its own here.
    public static let remoteProcesses = 256
    /// Ways of waiting that are remembered for one thread of another process.
    public static let remoteWaits = 8
    /// Longest line of a log that is read, in bytes: some times what the longest warning takes.
    public static let logLineBytes = 1 << 20
    /// Stalls of logs that are told apart, some 300 bytes each; those beyond are counted and left out.
    public static let logStalls = 1_000_000
    /// Stalls of logs that have the same number and target and began at about the same time: a log that has more of them is
    /// none that programs wrote, and those beyond are counted and left out.
    public static let logStallsAlike = 256
    /// Different stacks of logs that are kept; of those beyond only the time counts.
    public static let logStacks = 8_192
    /// Longest head of an answer that a client reads, in bytes.
    public static let answerHeadBytes = 16 * 1_024
    /// Longest answer, or line of a stream, that a client reads, in bytes: more than the status of as many targets as may
    /// be registered, and than an answer with warnings, has.
    public static let answerBytes = 8 * 1_024 * 1_024
    /// Length of one interval of the history that the status shows, in nanoseconds.
    public static let historyIntervalNanoseconds: Int64 = 5_000_000_000
    /// Intervals of the history that are kept for each target: a quarter of an hour, 8 bytes each.
    public static let historyPoints = 180
    /// Readings of a target's lag that are kept, evenly over the history: its quantiles are differences between two.
    public static let historyReadings = 6
    /// Bytes of what is blocked now on the page without a script; the page is to stay below 100 KB, whatever the names are.
    public static let pageNowBytes = 6 * 1_024
    /// Bytes of the table of loops, and of that of pools, on the page without a script; the rest is in `/status`.
    public static let pageTableBytes = 12 * 1_024
    /// Bytes of the warnings on the page without a script, stacks included; the rest is in `/warnings`.
    public static let pageWarningsBytes = 10 * 1_024
    /// Questions to the watch, whether it is alive, that wait for their answer; more are not put, because what does not answer
    /// keeps them.
    public static let serviceQuestions = 8
    /// Bytes of the remarks on targets on the page.
    public static let pageRemarksBytes = 2 * 1_024
}
