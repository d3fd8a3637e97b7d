// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// A strict reader of Prometheus' text format 0.0.4.
///
/// It demands more than the format does: HELP, then TYPE, then all samples of the family, each series once, no empty
/// lines, no free comments, no timestamps.
struct PrometheusTextValidator {
    private var families: [ParsedFamily] = []
    private var names: Set<String> = []
    private var series: Set<[String: String]> = []
    private var pendingHelp: (name: String, text: String)?

    /// Reads a whole exposition.
    static func parse(_ bytes: [UInt8]) throws -> [ParsedFamily] {
        var lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
        guard lines.popLast()?.isEmpty == true else { throw ExpositionFault("no line feed at the end") }
        var validator = PrometheusTextValidator()
        for (number, line) in lines.enumerated() {
            do { try validator.read(line) } catch { throw ExpositionFault("line \(number + 1): \(error)") }
        }
        try validator.finishFamily()
        return validator.families
    }

    /// Reads a line.
    private mutating func read(_ line: ArraySlice<UInt8>) throws {
        guard let text = String(validating: line, as: UTF8.self) else { throw ExpositionFault("bad UTF-8") }
        if text.hasPrefix("# HELP ") {
            try finishFamily()
            let parts = text.utf8.dropFirst(7).split(separator: 0x20, maxSplits: 1)
            guard parts.count == 2 else { throw ExpositionFault("HELP without text") }
            pendingHelp = (try name(parts[0]), try Self.unescaped(Substring(parts[1])))
        } else if text.hasPrefix("# TYPE ") {
            try begin(text.utf8.dropFirst(7).split(separator: 0x20, omittingEmptySubsequences: false))
        } else {
            var parser = SampleLineParser(line, isOpenMetrics: false)
            try read(try parser.parse())
        }
    }

    /// Begins a family at its TYPE line.
    private mutating func begin(_ parts: [Substring.UTF8View]) throws {
        guard parts.count == 2 else { throw ExpositionFault("bad TYPE") }
        let name = try name(parts[0])
        guard let help = pendingHelp, help.name == name else { throw ExpositionFault("TYPE without HELP before it") }
        pendingHelp = nil
        let type = String(Substring(parts[1]))
        guard ["counter", "gauge", "histogram", "summary", "untyped"].contains(type) else {
            throw ExpositionFault("unknown type \(type)")
        }
        families.append(ParsedFamily(name: name, type: type, help: help.text, metadata: ["HELP", "TYPE"]))
    }

    /// Takes in one sample.
    private mutating func read(_ sample: ParsedSample) throws {
        guard pendingHelp == nil, let family = families.last else { throw ExpositionFault("sample without TYPE") }
        let suffixes = family.type == "histogram" ? ["_bucket", "_sum", "_count"] : [""]
        guard suffixes.contains(where: { family.name + $0 == sample.name }) else {
            throw ExpositionFault("\(sample.name) in family \(family.name)")
        }
        guard sample.timestamp == nil else { throw ExpositionFault("timestamp") }
        if family.type == "counter", !(sample.value >= 0) { throw ExpositionFault("counter \(sample.value)") }
        var identity = sample.labels.filter { !$0.value.isEmpty }
        identity["__name__"] = sample.name
        guard series.insert(identity).inserted else { throw ExpositionFault("series \(identity) twice") }
        families[families.count - 1].samples.append(sample)
    }

    /// Checks what can be said of a whole family only.
    private mutating func finishFamily() throws {
        guard pendingHelp == nil else { throw ExpositionFault("HELP without TYPE") }
        guard let family = families.last else { return }
        guard !family.samples.isEmpty else { throw ExpositionFault("\(family.name) has no samples") }
        let suffixes = family.type == "histogram" ? ["", "_bucket", "_sum", "_count"] : [""]
        for suffix in suffixes where !names.insert(family.name + suffix).inserted {
            throw ExpositionFault("name \(family.name + suffix) clashes")
        }
        if family.type == "histogram" { try HistogramRules.check(family, isStrict: true) }
    }

    /// Reads a metric name.
    private func name(_ bytes: Substring.UTF8View) throws -> String {
        let name = String(Substring(bytes))
        let isName = bytes.enumerated().allSatisfy {
            SampleLineParser.isNameByte($1, isFirst: $0 == 0, allowsColon: true)
        }
        guard isName, !name.isEmpty else { throw ExpositionFault("bad name '\(name)'") }
        return name
    }

    /// Undoes the two escapes of HELP.
    private static func unescaped(_ text: Substring) throws -> String {
        var result = ""
        var isEscaped = false
        for character in text.unicodeScalars {
            if isEscaped {
                isEscaped = false
                switch character {
                case "n": result.unicodeScalars.append("\n")
                case "\\": result.unicodeScalars.append(character)
                default: throw ExpositionFault("unknown escape in HELP")
                }
            } else if character == "\\" {
                isEscaped = true
            } else {
                result.unicodeScalars.append(character)
            }
        }
        if isEscaped { throw ExpositionFault("open escape in HELP") }
        return result
    }
}
