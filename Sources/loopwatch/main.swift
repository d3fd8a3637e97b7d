// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import LoopwatchDaemon

exit(LoopwatchCommand.run(arguments: Array(CommandLine.arguments.dropFirst())))
