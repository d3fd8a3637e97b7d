// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#if DEBUG || FUZZING
    internal import LoopwatchCore
    @testable import LoopwatchDaemon

    /// What the commands read: answers of endpoints, configurations and logs.
    enum ClientTargets {
        /// An answer, in pieces whose size the first byte says.
        static func response(_ bytes: UnsafeBufferPointer<UInt8>) {
            var reader = HTTPResponseReader()
            let piece = Int(bytes.first ?? 0) + 1
            var place = min(1, bytes.count)
            do {
                while place < bytes.count {
                    let end = min(place + piece, bytes.count)
                    _ = try reader.add(bytes[place..<end])
                    place = end
                }
                _ = try reader.end()
            } catch {
                FuzzTarget.expect(!"\(error)".isEmpty, "a problem without a word")
            }
        }

        /// A configuration file.
        static func configuration(_ bytes: UnsafeBufferPointer<UInt8>) {
            switch DaemonConfigurationReader.read(String(decoding: bytes, as: UTF8.self), file: "test.json5") {
            case .success: break
            case .failure(let problems):
                FuzzTarget.expect(!"\(problems)".isEmpty, "problems without a word")
            }
        }

        /// What an endpoint tells of a warning.
        static func json(_ bytes: UnsafeBufferPointer<UInt8>) {
            guard let value = JSON5Value(json: bytes) else { return }
            _ = WarningLine.text(of: value)
            _ = WarningJSONReader.read(value)
        }

        /// A log of warnings, which is summed up.
        static func log(_ bytes: UnsafeBufferPointer<UInt8>) {
            var splitter = LineSplitter()
            var reader = WarningLogReader()
            var log = StallLog()
            for start in stride(from: 0, to: bytes.count, by: 100) {
                splitter.add(Array(bytes[start..<min(start + 100, bytes.count)])[...]) { line in
                    reader.read(line) { log.add($0) }
                }
            }
            reader.read(splitter.rest, isComplete: false) { log.add($0) }
            let summary = BlockedTimeSummary(log, since: 0)
            let result = ReadingResult(files: 1, counts: reader.counts, leftOut: log.leftOut)
            _ = SummaryTextWriter.text(summary, result, limit: 10)
            _ = SummaryJSONWriter.text(summary, result, limit: 10)
        }
    }
#endif
