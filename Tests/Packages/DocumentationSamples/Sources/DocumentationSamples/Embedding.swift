// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Logging
import Loopwatch
import NIOCore
import NIOPosix

// What is compiled here is in README.md, in comments of the API and in the article on getting started.

/// README.md.
func embedAsReadmeDoes(group: MultiThreadedEventLoopGroup) throws {
    // sample: README
    let watch = try Loopwatch.start()  // Swift's global executor is watched from here on
    for (index, loop) in group.makeIterator().enumerated() {
        watch.add(.loop("http-\(index)") { loop.execute($0) })  // any NIO event loop
    }
    // end
}

/// The comment of `Loopwatch`.
func start(eventLoop: any EventLoop) throws {
    // sample: Loopwatch
    let watch = try Loopwatch.start()
    watch.add(.loop("http-0") { eventLoop.execute($0) })
    // end
}

func configure() throws -> Loopwatch {
    // sample: configure
    var configuration = WatchConfiguration()
    configuration.thresholds = Thresholds(warning: .milliseconds(50))
    configuration.endpoint = .tcp(host: "127.0.0.1", port: 9668)
    configuration.log = [.standardError, .file(path: "/var/log/server/loopwatch.log")]
    let watch = try Loopwatch.start(configuration)
    // end
    return watch
}

func configureByBoth(environment: [String: String]) throws -> Loopwatch {
    // sample: environment
    var defaults = WatchConfiguration()
    defaults.thresholds = Thresholds(warning: .milliseconds(50))
    let watch = try Loopwatch.start(WatchConfiguration(environment: environment, base: defaults))
    // end
    return watch
}

func log(with logger: Logger) -> WatchConfiguration {
    // sample: logger
    var configuration = WatchConfiguration()
    configuration.log = [
        .closure { report, line in
            logger.log(level: report.severity == nil ? .info : .warning, "\(line)")
        }
    ]
    // end
    return configuration
}

func readMessages(of watch: Loopwatch, logger: Logger) {
    // sample: snapshot
    for loop in watch.snapshot().loops where loop.statistics.currentStallNanoseconds != nil {
        logger.warning("\(loop.name) is blocked")
    }
    // end
}
