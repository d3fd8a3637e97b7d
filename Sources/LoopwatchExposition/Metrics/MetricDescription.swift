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
    /// Takes the family's rows out of a snapshot; none if the snapshot has no data for it.
    let rows: @Sendable (MetricSource) -> [MetricRow]

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
        let labelValues = values?.values
        return MetricDescription(
            name: name,
            type: type,
            unit: unit,
            labels: [TargetLabels.process, TargetLabels.loop] + (values.map { [$0.label] } ?? []),
            help: help,
            bound: "loops<=\(Limits.loopsDefault)" + (labelValues.map { " x \($0.count)" } ?? "")
        ) { source in
            rows(of: source.loops, by: labelValues, value: value)
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
        ) { source in
            rows(of: source.loops, by: nil) { loop, _ in loop.remote.map { _ in value(loop) } }
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
        let labelValues = values?.values
        return MetricDescription(
            name: name,
            type: type,
            unit: unit,
            labels: [TargetLabels.process, TargetLabels.pool] + (values.map { [$0.label] } ?? []),
            help: help,
            bound: "pools<=\(Limits.poolsDefault)" + (labelValues.map { " x \($0.count)" } ?? "")
        ) { source in
            rows(of: source.pools, by: labelValues, value: value)
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
        ) { source in
            source.snapshot.processes.flatMap { process in
                labelValues.indices.map { index in
                    MetricRow(
                        labels: .values([process.process.name, labelValues[index]]),
                        value: value(process, index)
                    )
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
        MetricDescription(name: name, type: type, unit: unit, labels: [], help: help, bound: "1") { source in
            value(source.snapshot).map { [MetricRow(labels: .values([]), value: $0)] } ?? []
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
        MetricDescription(name: name, type: type, unit: unit, labels: labels, help: help, bound: bound) { source in
            rows(source.snapshot).map { MetricRow(labels: .values($0.labels), value: $0.value) }
        }
    }

    /// The rows of all targets of a kind.
    private static func rows<Target: LabelledTarget>(
        of targets: [Target],
        by values: [String]?,
        value: (Target, Int) -> MetricValue?
    ) -> [MetricRow] {
        var rows: [MetricRow] = []
        rows.reserveCapacity(targets.count * (values?.count ?? 1))
        for target in targets {
            guard let values else {
                if let value = value(target, 0) {
                    rows.append(MetricRow(labels: .target(target.labels, further: nil), value: value))
                }
                continue
            }
            for (index, further) in values.enumerated() {
                guard let value = value(target, index) else { continue }
                rows.append(MetricRow(labels: .target(target.labels, further: further), value: value))
            }
        }
        return rows
    }
}
