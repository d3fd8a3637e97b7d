// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// The value of a series in a text exposition; `nil` when there is none with these labels.
///
/// - Parameters:
///   - name: the metric.
///   - labels: what must stand among its labels, such as `loop="http-0"`.
///   - text: the exposition.
func sample(_ name: String, _ labels: [String], in text: String) -> Double? {
    for line in text.split(separator: "\n") where line.hasPrefix(name) {
        guard line.dropFirst(name.count).first == "{" || line.dropFirst(name.count).first == " " else { continue }
        guard labels.allSatisfy({ line.contains($0) }), let value = line.split(separator: " ").last else { continue }
        return Double(value)
    }
    return nil
}
