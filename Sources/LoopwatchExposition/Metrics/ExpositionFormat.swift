// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

package import LoopwatchCore

/// The formats in which metrics are served.
package enum ExpositionFormat: Sendable, Equatable {
    /// Prometheus' text format 0.0.4: the default.
    case prometheusText
    /// OpenMetrics 1.0.0: where it is asked for.
    case openMetrics

    /// The media type with version and character set, which Prometheus 3 insists on.
    package var contentType: String {
        switch self {
        case .prometheusText: "text/plain; version=0.0.4; charset=utf-8"
        case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
        }
    }

    /// Appends a snapshot in this format.
    package func write(_ snapshot: WatchSnapshot, into buffer: inout [UInt8]) {
        switch self {
        case .prometheusText: PrometheusTextWriter.write(snapshot, into: &buffer)
        case .openMetrics: OpenMetricsWriter.write(snapshot, into: &buffer)
        }
    }

    /// Chooses a format by the request's `Accept` header.
    ///
    /// The offer with the highest quality by its most specific match wins; at a draw OpenMetrics wins only if it was
    /// named.
    /// A header that matches nothing gets the text format, never an error, as other exporters do.
    ///
    /// - Returns: the format, and the value for the answer's `Content-Type`, which repeats a known escaping scheme if
    ///   the matched item had one (all names here are the same in every scheme).
    package static func negotiate(accept: String?) -> (format: ExpositionFormat, contentType: String) {
        var openMetrics: Match?
        var text: Match?
        for item in AcceptItem.parse(accept ?? "") {
            openMetrics = Match.better(openMetrics, Match(item, rank: item.openMetricsRank))
            text = Match.better(text, Match(item, rank: item.prometheusTextRank))
        }
        let openMetricsQuality = openMetrics?.item.quality ?? 0
        let textQuality = text?.item.quality ?? 0
        let isNamed = (openMetrics?.rank ?? 0) > AcceptItem.rankOfAnything
        let winsDraw = openMetricsQuality == textQuality && isNamed
        if openMetricsQuality > 0, openMetricsQuality > textQuality || winsDraw {
            return (.openMetrics, ExpositionFormat.openMetrics.contentType(escaping: openMetrics?.item.escaping))
        }
        let escaping = textQuality > 0 ? text?.item.escaping : nil
        return (.prometheusText, ExpositionFormat.prometheusText.contentType(escaping: escaping))
    }

    /// The media type with an escaping scheme, where there is one.
    private func contentType(escaping: String?) -> String {
        guard let escaping else { return contentType }
        return contentType + "; escaping=" + escaping
    }

    /// An item of the header that matches an offer, and how specifically.
    private struct Match {
        /// The item.
        var item: AcceptItem
        /// How specific it is; higher is more.
        var rank: Int

        /// Creates a match; `nil` if the item does not match.
        init?(_ item: AcceptItem, rank: Int?) {
            guard let rank else { return nil }
            self.item = item
            self.rank = rank
        }

        /// The more specific of two matches, and of two alike the one with the higher quality.
        static func better(_ left: Match?, _ right: Match?) -> Match? {
            guard let left, let right else { return left ?? right }
            return (right.rank, right.item.quality) > (left.rank, left.item.quality) ? right : left
        }
    }
}
