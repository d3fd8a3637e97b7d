// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore

/// One row of the metric table: what a family is called, what it means, and where its values come from.
package struct MetricDescription: Sendable {
    /// Name of the family, without `_total` or `_info`.
    package let name: String
    /// What kind of family it is.
    package let type: MetricType
    /// Base unit, which is also the end of the name; `nil` for numbers of things.
    package let unit: String?
    /// Names of the labels, in the order of exposition; `le` is not among them.
    package let labels: [String]
    /// What the metric means, one sentence or two.
    package let help: String
    /// How many series there can be at most, in words.
    package let bound: String
    /// Takes the family's rows out of a snapshot one after the other; none if the snapshot has no data for it.
    ///
    /// They are handed over and not collected: to make, fill and destroy a list of them took a fifth of a scrape.
    let forEachRow: @Sendable (MetricSource, (MetricRow) -> Void) -> Void

    /// Name of the samples, and of the family in the format 0.0.4: with `_total` for counters and `_info` for infos.
    package var sampleName: String {
        switch type {
        case .counter: name + "_total"
        case .info: name + "_info"
        case .gauge, .histogram: name
        }
    }
}

extension MetricDescription {
    /// Describes a family with one row a loop, or one for each loop and value of a further label.
    ///
    /// - Parameters:
    ///   - values: the further label's name and its values, if there is one.
    ///   - value: the value for a loop and the index of the further label's value.
    static func loop(
        _ name: String,
        _ type: MetricType,
        unit: String? = nil,
        by values: (label: String, values: [String])? = nil,
        help: String,
        value: @escaping @Sendable (MetricSource.Loop, Int) -> MetricValue
    ) -> MetricDescription {
        let further = values.map { values in values.values.map { FurtherLabel(values.label, $0) } }
        return MetricDescription(
            name: name,
            type: type,
            unit: unit,
            labels: [TargetLabels.process, TargetLabels.loop] + (values.map { [$0.label] } ?? []),
            help: help,
            bound: "loops<=\(Limits.loopsDefault)" + (further.map { " x \($0.count)" } ?? "")
        ) { source, body in
            forEachRow(of: source.loops, by: further, value: value, body)
        }
    }

    /// Describes a family with one row for each loop of another process.
    static func remoteLoop(
        _ name: String,
        _ type: MetricType,
        unit: String? = nil,
        help: String,
        value: @escaping @Sendable (MetricSource.Loop) -> MetricValue
    ) -> MetricDescription {
        MetricDescription(
            name: name,
            type: type,
            unit: unit,
            labels: [TargetLabels.process, TargetLabels.loop],
            help: help,
            bound: "loops<=\(Limits.loopsDefault)"
        ) { source, body in
            forEachRow(of: source.loops, by: nil, value: { loop, _ in loop.remote.map { _ in value(loop) } }, body)
        }
    }

    /// Describes a family with one row a pool, or one for each pool and value of a further label.
    ///
    /// - Parameters:
    ///   - values: the further label's name and its values, if there is one.
    ///   - value: the value for a pool and the index of the further label's value; `nil` where the pool cannot tell.
    static func pool(
        _ name: String,
        _ type: MetricType,
        unit: String? = nil,
        by values: (label: String, values: [String])? = nil,
        help: String,
        value: @escaping @Sendable (MetricSource.Pool, Int) -> MetricValue?
    ) -> MetricDescription {
        let further = values.map { values in values.values.map { FurtherLabel(values.label, $0) } }
        return MetricDescription(
            name: name,
            type: type,
            unit: unit,
            labels: [TargetLabels.process, TargetLabels.pool] + (values.map { [$0.label] } ?? []),
            help: help,
            bound: "pools<=\(Limits.poolsDefault)" + (further.map { " x \($0.count)" } ?? "")
        ) { source, body in
            forEachRow(of: source.pools, by: further, value: value, body)
        }
    }

    /// Describes a family with a row for each other process that is watched and each value of a further label.
    ///
    /// - Parameters:
    ///   - values: the further label's name and its values.
    ///   - value: the value for a process and the index of the further label's value.
    static func watchedProcess(
        _ name: String,
        _ type: MetricType,
        unit: String? = nil,
        by values: (label: String, values: [String]),
        help: String,
        value: @escaping @Sendable (RemoteProcessSnapshot, Int) -> MetricValue
    ) -> MetricDescription {
        let labelValues = values.values
        return MetricDescription(
            name: name,
            type: type,
            unit: unit,
            labels: [TargetLabels.process, values.label],
            help: help,
            bound: "processes<=\(Limits.remoteProcesses) x \(labelValues.count)"
        ) { source, body in
            for process in source.snapshot.processes {
                for (index, label) in labelValues.enumerated() {
                    body(MetricRow(labels: .values([process.process.name, label]), value: value(process, index)))
                }
            }
        }
    }

    /// Describes a family of Loopwatch as a whole or of its host process, with at most one row.
    static func single(
        _ name: String,
        _ type: MetricType,
        unit: String? = nil,
        help: String,
        value: @escaping @Sendable (WatchSnapshot) -> MetricValue?
    ) -> MetricDescription {
        MetricDescription(name: name, type: type, unit: unit, labels: [], help: help, bound: "1") {
            source,
            body in
            if let value = value(source.snapshot) { body(MetricRow(labels: .values([]), value: value)) }
        }
    }

    /// Describes a family of Loopwatch as a whole whose rows are told apart by labels.
    static func labelled(
        _ name: String,
        _ type: MetricType,
        unit: String? = nil,
        labels: [String],
        bound: String,
        help: String,
        rows: @escaping @Sendable (WatchSnapshot) -> [(labels: [String], value: MetricValue)]
    ) -> MetricDescription {
        MetricDescription(name: name, type: type, unit: unit, labels: labels, help: help, bound: bound) {
            source,
            body in
            for row in rows(source.snapshot) { body(MetricRow(labels: .values(row.labels), value: row.value)) }
        }
    }

    /// Hands over the rows of all targets of a kind.
    private static func forEachRow<Target: LabelledTarget>(
        of targets: [Target],
        by further: [FurtherLabel]?,
        value: (Target, Int) -> MetricValue?,
        _ body: (MetricRow) -> Void
    ) {
        for target in targets {
            guard let further else {
                if let value = value(target, 0) {
                    body(MetricRow(labels: .target(target.labels, further: nil), value: value))
                }
                continue
            }
            for (index, label) in further.enumerated() {
                guard let value = value(target, index) else { continue }
                body(MetricRow(labels: .target(target.labels, further: label), value: value))
            }
        }
    }
}
