// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Glibc

/// Decodes a large body.
final class DecodingProgram: BlockingProgram {
    static let way = "JSON decoding"
    static let functions = [
        "DecodingProgram.decodeOrders(_:)", "DecodingProgram.importOrders(_:)", "DecodingProgram.handleImport(_:)",
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

    func handle() -> Outcome { Outcome.of { handleImport(&$0) } }
    func block() -> Outcome { Outcome.of { decodeOrders(&$0) } }

    @inline(never)
    func handleImport(_ outcome: inout Outcome) {
        importOrders(&outcome)
        outcome.passedOn()
    }

    @inline(never)
    func importOrders(_ outcome: inout Outcome) {
        decodeOrders(&outcome)
        outcome.passedOn()
    }

    @inline(never)
    func decodeOrders(_ outcome: inout Outcome) {
        outcome.begin()
        let decoder = JSONDecoder()
        var count = 0
        repeat {
            count = (try? decoder.decode([Order].self, from: body))?.count ?? -1
        } while Outcome.now(CLOCK_MONOTONIC) - outcome.beganNanoseconds < nanoseconds
        outcome.ended(count, expected: Self.orders)
    }
}
