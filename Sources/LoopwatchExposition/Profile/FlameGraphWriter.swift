// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

package import LoopwatchCore

/// Writes a profile as a flame graph: one self-contained SVG without a script, which loads nothing.
///
/// Widths are blocked time, the root is on top and what it called hangs below, so the innermost frame, where the thread
/// was stuck, is the lowest. Positions are in percent of the window, and every box is a picture of its own that cuts off
/// what is too long, so the graph is as wide as the window and needs to know nothing about fonts. The whole name, the
/// time and the share are the box's tooltip. Colours tell whose code it is; a dashed edge an asynchronous caller.
package enum FlameGraphWriter {
    /// The answer's `Content-Type`.
    package static let contentType = "image/svg+xml; charset=utf-8"

    /// Headers that an answer carries: no script may run and nothing be loaded, whatever the names are.
    package static let headers = [
        (name: "Content-Security-Policy", value: "default-src 'none'; style-src 'unsafe-inline'")
    ]

    private static let rowHeight = 18
    private static let headHeight = 58
    /// Boxes that are narrower than this part of the whole are left out, in millionths: less than a pixel.
    private static let narrowestMillionths: Int64 = 500
    /// Boxes that are narrower have no text, in millionths: not even the tooltip's first letters would fit.
    private static let narrowestTextMillionths: Int64 = 8_000

    /// A box that is to be drawn, in millionths of the whole width.
    private struct Box {
        var node: Int
        var left: Int64
        var width: Int64
        var depth: Int
    }

    /// Appends the graph; that of an empty profile says so.
    package static func write(
        _ profile: StallProfile,
        process: String,
        unixNanoseconds: Int64,
        into buffer: inout [UInt8]
    ) {
        let tree = FlameTree(profile)
        let boxes = layOut(tree)
        let rows = (boxes.map(\.depth).max() ?? 0) + 1
        let height = headHeight + rows * rowHeight + 10
        buffer.append(text: #"<svg xmlns="http://www.w3.org/2000/svg" width="100%" height="\#(height)""#)
        buffer.append(text: #" font-family="ui-monospace,monospace" font-size="12">"# + "\n")
        buffer.append(text: "<title>")
        buffer.append(xmlText: process)
        buffer.append(text: " - blocked time</title>\n" + style)
        buffer.append(text: #"<rect class="page" width="100%" height="100%"/>"# + "\n")
        writeHead(profile, process: process, unixNanoseconds: unixNanoseconds, into: &buffer)
        if boxes.isEmpty {
            writeText("nothing was blocked so far", x: "8", y: headHeight + 13, into: &buffer)
        }
        let total = tree.nodes[0].nanoseconds
        let start = buffer.count
        for box in boxes {
            // The boxes are in the order of their depth: what is left out are the innermost frames of the longest stacks.
            guard buffer.count - start < Limits.stackBytesInAnswer else { break }
            write(box, tree.nodes[box.node], total: total, into: &buffer)
        }
        buffer.append(text: "</svg>\n")
    }

    /// Colours of the boxes; the letters on them are dark, on a light page and on a dark one.
    private static let style = """
        <style>
        .page { fill: #fff } text { fill: #222 } .box text { fill: #111 }
        .box rect { stroke: #fff; stroke-width: 1 } .box:hover rect { stroke: #000; stroke-width: 2 }
        .none rect { fill: #c9ccd1 } .host rect { fill: #f58a4b } .runtime rect { fill: #f3cf5b }
        .dispatch rect { fill: #a6d86f } .system rect { fill: #7db7e8 } .unknown rect { fill: #d7b8e6 }
        .library rect { fill: #f2b8c6 }
        .async rect { stroke: #333; stroke-dasharray: 4 3 }
        @media (prefers-color-scheme: dark) {
        .page { fill: #16181c } text { fill: #ddd } .box rect { stroke: #16181c } .box:hover rect { stroke: #fff }
        .async rect { stroke: #eee }
        }
        </style>

        """

    /// Gives every box that can be seen its place, level by level, the widest first.
    private static func layOut(_ tree: FlameTree) -> [Box] {
        let total = tree.nodes[0].nanoseconds
        guard total > 0 else { return [] }
        var boxes = [Box(node: 0, left: 0, width: 1_000_000, depth: 0)]
        var index = 0
        while index < boxes.count, boxes.count < Limits.flameGraphBoxes {
            let parent = boxes[index]
            index += 1
            var left = parent.left
            for child in tree.nodes[parent.node].children where boxes.count < Limits.flameGraphBoxes {
                let width = min(
                    millionths(tree.nodes[child].nanoseconds, of: total),
                    parent.left + parent.width - left
                )
                if width >= narrowestMillionths {
                    boxes.append(Box(node: child, left: left, width: width, depth: parent.depth + 1))
                }
                left += width
            }
        }
        return boxes
    }

    /// A part of the whole, in millionths.
    private static func millionths(_ part: Int64, of total: Int64) -> Int64 {
        Int64((Double(part) / Double(total) * 1_000_000).rounded(.down))
    }

    /// Appends the title, the sums and the meaning of the colours.
    private static func writeHead(
        _ profile: StallProfile,
        process: String,
        unixNanoseconds: Int64,
        into buffer: inout [UInt8]
    ) {
        var line: [UInt8] = []
        line.append(text: "blocked time of ")
        line.append(text: process.clipped(toBytes: Limits.processNameBytes))
        line.append(text: ": \(StatusRow.duration(profile.totalNanoseconds)) in \(profile.totalStalls) stalls, from ")
        line.append(timestampOfUnixNanoseconds: profile.beganUnixNanoseconds)
        line.append(text: " to ")
        line.append(timestampOfUnixNanoseconds: unixNanoseconds)
        writeText(String(decoding: line, as: UTF8.self), x: "8", y: 18, into: &buffer)
        let colours = ["host", "runtime", "dispatch", "system", "unknown", "none"]
        for (index, origin) in colours.enumerated() {
            let name = origin == "none" ? "target, or no stack" : origin == "host" ? "your code" : origin
            writeBox(
                left: "\(8 + index * 92)",
                top: 28,
                width: index == colours.count - 1 ? "150" : "88",
                classes: origin,
                tooltip: "colour: \(name)",
                text: name,
                into: &buffer
            )
        }
    }

    /// Appends a box with its tooltip.
    private static func write(_ box: Box, _ node: FlameTree.Node, total: Int64, into buffer: inout [UInt8]) {
        var classes = "none"
        if case .frame(let origin) = node.key.origin { classes = origin.rawValue }
        if node.key.isAsynchronous { classes += " async" }
        var tooltip = node.key.name
        if node.key.isAsynchronous { tooltip += ", asynchronous caller" }
        if !node.key.module.isEmpty { tooltip += ", in " + node.key.module }
        let share = millionths(node.nanoseconds, of: total) / 1_000
        tooltip += ": " + StatusRow.duration(node.nanoseconds) + ", " + fraction(share, digits: 1) + "%"
        writeBox(
            left: fraction(box.left, digits: 4) + "%",
            top: headHeight + box.depth * rowHeight,
            width: fraction(box.width, digits: 4) + "%",
            classes: classes,
            tooltip: tooltip,
            text: box.width >= narrowestTextMillionths ? node.key.name : "",
            into: &buffer
        )
    }

    /// Appends a picture within the picture: it cuts off its text.
    private static func writeBox(
        left: String,
        top: Int,
        width: String,
        classes: String,
        tooltip: String,
        text: String,
        into buffer: inout [UInt8]
    ) {
        buffer.append(text: #"<svg class="box \#(classes)" x="\#(left)" y="\#(top)" width="\#(width)""#)
        buffer.append(text: #" height="\#(rowHeight)"><title>"#)
        buffer.append(xmlText: tooltip)
        buffer.append(text: #"</title><rect width="100%" height="100%" rx="2"/>"#)
        if !text.isEmpty {
            // A screen is not wider; the tooltip has the rest.
            writeText(text.clipped(toBytes: Limits.nameBytesInLine), x: "4", y: 13, into: &buffer)
        }
        buffer.append(text: "</svg>\n")
    }

    private static func writeText(_ text: String, x: String, y: Int, into buffer: inout [UInt8]) {
        buffer.append(text: #"<text x="\#(x)" y="\#(y)">"#)
        buffer.append(xmlText: text)
        buffer.append(text: "</text>")
    }

    private static func fraction(_ value: Int64, digits: Int) -> String {
        var text: [UInt8] = []
        text.append(fraction: value, digits: digits)
        return String(decoding: text, as: UTF8.self)
    }
}
