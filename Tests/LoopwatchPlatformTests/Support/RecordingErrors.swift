// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Testing

/// Runs the body of a child process; what it throws is recorded: thrown out of an exit test it would end the process by a
/// trap that tells nothing.
func recordingErrors(_ body: () throws -> Void) {
    do { try body() } catch { Issue.record("\(error)") }
}
