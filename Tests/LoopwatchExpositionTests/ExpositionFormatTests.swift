// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchExposition
import Testing

@Suite("Choosing the format of an answer")
struct ExpositionFormatTests {
    static let openMetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8"
    static let text = "text/plain; version=0.0.4; charset=utf-8"

    @Test(
        "headers of real clients",
        arguments: [
            // Prometheus 2.42 to 2.48.
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
                    + "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                openMetrics
            ),
            // The same with native histograms.
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,"
                    + "application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,"
                    + "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                openMetrics
            ),
            // Prometheus 2.49 to 2.55.
            (
                "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
                    + "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                openMetrics
            ),
            // Prometheus 3.0 and 3.1, with a parameter twice.
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
                    + "application/openmetrics-text;version=0.0.1;escaping=allow-utf-8;q=0.5,"
                    + "text/plain;version=1.0.0;escaping=allow-utf-8;escaping=allow-utf-8;q=0.4,"
                    + "text/plain;version=0.0.4;escaping=allow-utf-8;q=0.3,*/*;q=0.2",
                openMetrics + "; escaping=allow-utf-8"
            ),
            // Prometheus 3.5 to 3.14.
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
                    + "application/openmetrics-text;version=0.0.1;q=0.5,"
                    + "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                openMetrics + "; escaping=allow-utf-8"
            ),
            // The same with native histograms.
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,"
                    + "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
                    + "application/openmetrics-text;version=0.0.1;q=0.4,"
                    + "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
                openMetrics + "; escaping=allow-utf-8"
            ),
            // curl, a browser, nothing at all.
            ("*/*", text),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", text),
            (nil, text),
            ("", text),
            // A refusal, nonsense, the future.
            ("application/openmetrics-text;q=0, text/plain", text),
            ("application/json", text),
            (
                "application/openmetrics-text;version=2.0.0;q=0.9,application/openmetrics-text;version=1.0.0;q=0.8",
                openMetrics
            ),
        ] as [(String?, String)]
    )
    func realClients(_ accept: String?, _ expected: String) {
        let answer = ExpositionFormat.negotiate(accept: accept)
        #expect(answer.contentType == expected)
        #expect((answer.format == .openMetrics) == expected.hasPrefix(Self.openMetrics))
    }

    @Test(
        "headers that are written in other ways",
        arguments: [
            ("application/openmetrics-text", openMetrics),
            ("APPLICATION/OpenMetrics-Text ; VERSION=1.0.0", openMetrics),
            ("application/openmetrics-text; version=\"1.0.0\"; charset=\"a,b;c\\\"\"", openMetrics),
            ("application/openmetrics-text, text/plain", openMetrics),
            ("application/openmetrics-text, */*", openMetrics),
            ("application/openmetrics-text;q=0.5, */*", text),
            ("application/openmetrics-text;q=0.5, text/*;q=0.4", openMetrics),
            ("application/openmetrics-text;q=0, */*", text), ("application/openmetrics-text;version=2.0.0", text),
            ("application/openmetrics-text;version=1.0.0;q=0, application/openmetrics-text", text),
            ("text/plain;q=0, */*;q=0.5", openMetrics), ("text/plain;q=0", text), ("*/*;q=0", text),
            ("application/openmetrics-text;q=2, */*;q=0.1", text), ("application/openmetrics-text;q=x, */*", text),
            ("application/openmetrics-text;q=1.0001, */*", text), ("application/openmetrics-text;q=\"1", text),
            (";;;,,,=,/,application/,/x, application/openmetrics-text", openMetrics),
            ("text/plain;version=0.0.4;escaping=underscores", text + "; escaping=underscores"),
            ("text/plain;escaping=\"values\"", text + "; escaping=values"),
            ("text/plain;escaping=evil\r\nX: y", text), ("text/plain;escaping=Dots", text),
        ]
    )
    func otherWays(_ accept: String, _ expected: String) {
        let answer = ExpositionFormat.negotiate(accept: accept)
        #expect(answer.contentType == expected)
    }

    @Test("no more than 32 items and 1,024 bytes are read")
    func limits() {
        let wanted = ", application/openmetrics-text"
        #expect(ExpositionFormat.negotiate(accept: Self.repeated("a/b", 31) + wanted).format == .openMetrics)
        #expect(ExpositionFormat.negotiate(accept: Self.repeated("a/b", 32) + wanted).format == .prometheusText)
        let long = "a/b;c=" + String(repeating: "d", count: 1_000)
        #expect(ExpositionFormat.negotiate(accept: long + wanted).format == .prometheusText)
        #expect(ExpositionFormat.negotiate(accept: String(repeating: "é", count: 600)).format == .prometheusText)
    }

    /// A list with the same item several times.
    static func repeated(_ item: String, _ count: Int) -> String {
        Array(repeating: item, count: count).joined(separator: ",")
    }
}
