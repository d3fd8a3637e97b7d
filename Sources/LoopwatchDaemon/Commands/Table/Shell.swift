// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Shells for which there is a completion script.
enum Shell: String, CaseIterable, Sendable {
    case bash, zsh, fish
}
