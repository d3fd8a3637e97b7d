// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#if DEBUG || FUZZING
    internal import LoopwatchCore
    @testable import LoopwatchHTTP

    /// What the endpoint reads.
    enum HTTPTargets {
        private static let answer = HTTPResponse(status: 200, contentType: "text/plain", body: [1], handler: "test")

        /// A connection, whose client sends the bytes in pieces: the first byte says how large they are.
        static func request(_ bytes: UnsafeBufferPointer<UInt8>) {
            let policy = HTTPRequestPolicy(hostRule: .unrestricted, limits: .standard)
            var now = MonotonicInstant(nanoseconds: 0)
            var state = HTTPConnectionState(at: now, policy: policy)
            let piece = Int(bytes.first ?? 0) + 1
            var place = min(1, bytes.count)
            var steps = 0
            while true {
                steps += 1
                // A step for each byte, and some for each request.
                FuzzTarget.expect(steps < 100 + 40 * bytes.count, "a connection without end")
                switch state.nextStep(at: now) {
                case .respond: _ = state.answer(answer, at: now)
                case .rejected: break
                case .write: state.wrote(min(state.output.count, 1_000), at: now)
                case .askStream, .cutOffStream: FuzzTarget.expect(false, "there is no stream")
                case .shutDownWriting: break
                case .wait:
                    if place < bytes.count {
                        let end = min(place + piece, bytes.count)
                        state.received(Array(bytes[place..<end])[...], at: now)
                        place = end
                    } else {
                        now = now.advanced(byNanoseconds: 200_000_000_000)
                    }
                case .close: return
                }
            }
        }
    }
#endif
