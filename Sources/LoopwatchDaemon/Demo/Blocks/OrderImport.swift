// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import FoundationEssentials
internal import LoopwatchCore
internal import LoopwatchPlatform

/// Parses a large JSON body on the loop, as a handler does that was written with small bodies in mind.
enum OrderImport {
    /// One order of the body.
    private struct Order: Decodable {
        var number: Int
        var customer: String
        var items: [Item]
        var express: Bool
    }

    /// One position of an order.
    private struct Item: Decodable {
        var name: String
        var count: Int
        var price: Double
    }

    private static let order = """
        {"number":4711,"customer":"Ada Lovelace, St James's Square","items":[\
        {"name":"punched card","count":500,"price":0.25},{"name":"difference engine","count":1,"price":17470.5},\
        {"name":"analytical engine, second hand","count":2,"price":34000.75}],"express":true}
        """

    /// Smallest and largest body: several megabytes, and no more than a small machine has to spare.
    private static let bodyBytes: ClosedRange<Int64> = 4_000_000...100_000_000

    /// Decodes the body on the calling thread; returns how many orders it has.
    ///
    /// - Throws: what JSONDecoder throws at a body that is not what it should be.
    @inline(never)
    static func decodeOrders(_ body: [UInt8]) throws -> Int {
        try JSONDecoder().decode([Order].self, from: Data(body)).count
    }

    /// A body that takes about so long to decode on this machine, or longer.
    static func body(decodingNanoseconds: Int64) -> [UInt8] {
        let sample = body(orders: 2_000)
        // The quickest of several: a sample that was held up by other processes would make the body too small.
        var quickest = Int64.max
        for _ in 0..<5 {
            let start = Clock.now()
            _ = try? decodeOrders(sample)
            quickest = min(quickest, Clock.now().nanoseconds(since: start))
        }
        let wanted = Double(sample.count) * Double(decodingNanoseconds) / Double(max(1, quickest))
        let bytes = min(max(Int64(wanted), bodyBytes.lowerBound), bodyBytes.upperBound)
        return body(orders: Int(bytes) / (order.utf8.count + 1))
    }

    private static func body(orders: Int) -> [UInt8] {
        let order = Array(order.utf8)
        var body: [UInt8] = []
        body.reserveCapacity((order.count + 1) * orders + 2)
        body.append(UInt8(ascii: "["))
        for number in 0..<orders {
            if number > 0 { body.append(UInt8(ascii: ",")) }
            body.append(contentsOf: order)
        }
        body.append(UInt8(ascii: "]"))
        return body
    }
}
