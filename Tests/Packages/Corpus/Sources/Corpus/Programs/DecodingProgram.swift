// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Glibc

/// Decodes a large body.
final class DecodingProgram: BlockingProgram {
    static let way = "JSON decoding"
    static let functions = [
        "DecodingProgram.decodeOrders()", "DecodingProgram.importOrders()", "DecodingProgram.handleImport()",
    ]
    static let calledBack = ["DecodingProgram.Order.", "DecodingProgram.Line."]
    static let causes = ["cpu", "runqueue"]
    static let end = BlockEnd.byComputing
    private let nanoseconds: Int64
    private let body: Data

    /// One order.
    struct Order: Codable {
        var identifier: Int
        var customer: String
        var lines: [Line]
    }

    /// What was ordered.
    struct Line: Codable {
        var article: String
        var price: Double
    }

    private static let orders = 300

    init(nanoseconds: Int64) throws {
        self.nanoseconds = nanoseconds
        let orders = (0..<Self.orders).map { number in
            Order(
                identifier: number,
                customer: "customer \(number)",
                lines: (0..<4).map { Line(article: "article \($0)", price: Double(number) + 0.25) }
            )
        }
        body = try JSONEncoder().encode(orders)
    }

    func handle() -> Outcome { handleImport() }
    func block() -> Outcome { decodeOrders() }

    @inline(never)
    func handleImport() -> Outcome {
        var outcome = importOrders()
        outcome.passedOn()
        return outcome
    }

    @inline(never)
    func importOrders() -> Outcome {
        var outcome = decodeOrders()
        outcome.passedOn()
        return outcome
    }

    @inline(never)
    func decodeOrders() -> Outcome {
        var outcome = Outcome()
        let decoder = JSONDecoder()
        var count = 0
        repeat {
            count = (try? decoder.decode([Order].self, from: body))?.count ?? -1
        } while Outcome.now(CLOCK_MONOTONIC) - outcome.beganNanoseconds < nanoseconds
        outcome.ended(count, expected: Self.orders)
        return outcome
    }
}
