// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Loopwatch

/// What the command line says about the demo; what it does not say is `nil`.
struct DemoOptions: Equatable {
    /// After how many seconds to end.
    var seconds: Int?
    /// Where the endpoint listens.
    var endpoint: EndpointAddress?
    /// From which length on a block is reported.
    var threshold: Duration?
    /// A file to which the warnings are appended.
    var logPath: String?
}
