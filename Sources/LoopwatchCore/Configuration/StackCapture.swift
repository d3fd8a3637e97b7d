// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// How far Loopwatch goes to learn what a blocked thread does.
public enum StackCapture: String, Sendable, CaseIterable {
    /// Not at all: reports name the target, and no code.
    case off
    /// Threads that sleep in the kernel, by reading their memory; no signal is ever sent.
    case passive
    /// Also threads that compute, by a signal that copies their registers and a piece of their stack.
    case full
}
