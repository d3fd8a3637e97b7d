// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

@testable import LoopwatchHTTP

/// What becomes of bytes that a client sends: a status code, or 0 while more are needed.
struct Decision: Equatable, CustomStringConvertible {
    /// 200 for a request that is handed to the responder.
    var status: Int
    /// How many bytes it took to know.
    var consumed: Int

    /// The status and the place, for failures.
    var description: String { "\(status) after \(consumed) bytes" }

    /// Decides on bytes that come in the given pieces.
    init(_ pieces: [ArraySlice<UInt8>], hostRule: HostRule = .unrestricted) {
        let limits = HTTPLimits.standard
        var parser = HTTPHeadParser(limits: limits)
        status = 0
        consumed = 0
        for piece in pieces {
            let (count, verdict) = parser.parse(piece)
            consumed += count
            switch verdict {
            case .incomplete: continue
            case .rejected(let rejection): status = rejection.status
            case .complete(let head):
                do throws(HTTPRejection) {
                    _ = try HTTPRequestPolicy(hostRule: hostRule, limits: limits).decide(head)
                    status = 200
                } catch {
                    status = error.status
                }
            }
            return
        }
    }

    /// Decides on text that comes at once.
    static func status(of text: String, hostRule: HostRule = .unrestricted) -> Int {
        Decision([Array(text.utf8)[...]], hostRule: hostRule).status
    }
}
