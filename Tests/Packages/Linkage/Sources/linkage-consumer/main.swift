// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Loopwatch

// Uses every part of the library, so that the linker leaves nothing out that a host would have.
var configuration = WatchConfiguration()
configuration.endpoint = .tcp(host: "127.0.0.1", port: 0)
let watch = try Loopwatch.start(configuration)
watch.add(.mainActor())
print(watch.metrics().isEmpty ? "no metrics" : "metrics", "at", watch.endpointAddress.map { "\($0)" } ?? "no address")
watch.stop()
