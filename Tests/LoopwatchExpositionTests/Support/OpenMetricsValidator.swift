// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// A strict reader of OpenMetrics 1.0.0 text.
///
/// It is proved on the cases of the OpenMetrics project itself. In its strict mode it also refuses what that project
/// lets pass and no good exposition has: repeated series, exemplars outside of their bucket or without time, missing
/// metadata.
struct OpenMetricsValidator {
    private let isStrict: Bool
    private var families: [ParsedFamily] = []
    private var family: ParsedFamily?
    private var names: Set<String> = []
    private var groups: Set<[String: String]> = []
    private var series: Set<[String: String]> = []
    private var group: [String: String]?
    private var groupTimestamp: Double?

    private init(isStrict: Bool) {
        self.isStrict = isStrict
    }

    /// Reads a whole exposition.
    static func parse(_ bytes: [UInt8], isStrict: Bool) throws -> [ParsedFamily] {
        var lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() } else if isStrict { throw ExpositionFault("no LF at end") }
        guard lines.popLast().map({ $0.elementsEqual("# EOF".utf8) }) == true else {
            throw ExpositionFault("no # EOF at end")
        }
        var validator = OpenMetricsValidator(isStrict: isStrict)
        for (number, line) in lines.enumerated() {
            do { try validator.read(line) } catch { throw ExpositionFault("line \(number + 1): \(error)") }
        }
        try validator.finishFamily()
        return validator.families
    }

    /// Reads a line.
    private mutating func read(_ line: ArraySlice<UInt8>) throws {
        guard line.first == UInt8(ascii: "#") else {
            try read(try parse(line))
            return
        }
        let parts = line.split(separator: 0x20, maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0].count == 1 else { throw ExpositionFault("bad metadata") }
        guard let text = String(validating: parts[3], as: UTF8.self) else { throw ExpositionFault("bad UTF-8") }
        let kind = String(decoding: parts[1], as: UTF8.self)
        let name = String(decoding: parts[2], as: UTF8.self)
        if family?.name != name { try begin(ParsedFamily(name: name)) }
        try addMetadata(kind, text)
    }

    /// Reads a sample line.
    private func parse(_ line: ArraySlice<UInt8>) throws -> ParsedSample {
        var parser = SampleLineParser(line, isOpenMetrics: true)
        return try parser.parse()
    }

    /// Takes in one line of metadata of the family at hand.
    private mutating func addMetadata(_ kind: String, _ text: String) throws {
        guard family?.samples.isEmpty == true else { throw ExpositionFault("metadata after samples") }
        guard family?.metadata.contains(kind) == false else { throw ExpositionFault("\(kind) twice") }
        family?.metadata.append(kind)
        switch kind {
        case "TYPE":
            let types = [
                "unknown", "gauge", "counter", "stateset", "info", "histogram", "gaugehistogram", "summary",
            ]
            guard types.contains(text) else { throw ExpositionFault("unknown type \(text)") }
            family?.type = text
        case "UNIT": family?.unit = text
        case "HELP": family?.help = Self.unescaped(text)
        default: throw ExpositionFault("unknown metadata \(kind)")
        }
    }

    /// Begins a family.
    private mutating func begin(_ next: ParsedFamily) throws {
        try finishFamily()
        guard
            next.name.utf8.enumerated().allSatisfy({
                SampleLineParser.isNameByte($1, isFirst: $0 == 0, allowsColon: true)
            }), !next.name.isEmpty
        else { throw ExpositionFault("bad name '\(next.name)'") }
        family = next
        (groups, series, group, groupTimestamp) = ([], [], nil, nil)
    }

    /// Checks what can be said of a whole family only.
    private mutating func finishFamily() throws {
        guard let family else { return }
        for suffix in Set(family.suffixes + [""]) {
            guard names.insert(family.name + suffix).inserted else {
                throw ExpositionFault("name \(family.name + suffix) clashes")
            }
        }
        if let unit = family.unit, !unit.isEmpty {
            guard family.name.hasSuffix("_" + unit) else { throw ExpositionFault("\(family.name): unit not in name") }
            guard family.type != "info", family.type != "stateset" else {
                throw ExpositionFault("\(family.name): unit of a \(family.type ?? "")")
            }
        }
        if family.type == "histogram" || family.type == "gaugehistogram" {
            try HistogramRules.check(family, isStrict: isStrict)
        }
        if isStrict, family.metadata != (family.unit == nil ? ["TYPE", "HELP"] : ["TYPE", "UNIT", "HELP"]) {
            throw ExpositionFault("\(family.name): metadata \(family.metadata)")
        }
        families.append(family)
        self.family = nil
    }

    /// Takes in one sample.
    private mutating func read(_ sample: ParsedSample) throws {
        if family.map({ one in one.suffixes.contains { one.name + $0 == sample.name } }) != true {
            try begin(ParsedFamily(name: sample.name))
        }
        guard let family else { return }
        try OpenMetricsSampleRules.check(sample, of: family)
        let itsGroup = family.type == "info" ? [:] : sample.group(without: family.groupingLabel(of: sample))
        if let group, itsGroup != group, groups.contains(itsGroup) { throw ExpositionFault("groups are interleaved") }
        if group == itsGroup {
            guard (sample.timestamp == nil) == (groupTimestamp == nil) else {
                throw ExpositionFault("timestamps on some samples of a group only")
            }
            if let timestamp = sample.timestamp, let groupTimestamp, timestamp < groupTimestamp, family.type != "info" {
                throw ExpositionFault("time goes backwards")
            }
        }
        (group, groupTimestamp) = (itsGroup, sample.timestamp)
        groups.insert(itsGroup)
        if isStrict {
            // A label with an empty value is the same as none.
            var identity = sample.labels.filter { !$0.value.isEmpty }
            identity["__name__"] = sample.name
            guard series.insert(identity).inserted else { throw ExpositionFault("series \(identity) twice") }
        }
        self.family?.samples.append(sample)
    }

    /// Undoes the escapes of HELP.
    private static func unescaped(_ text: String) -> String {
        var result = ""
        var isEscaped = false
        for character in text.unicodeScalars {
            if isEscaped {
                isEscaped = false
                switch character {
                case "n": result.unicodeScalars.append("\n")
                case "\\", "\"": result.unicodeScalars.append(character)
                default: result.unicodeScalars.append(contentsOf: ["\\", character])
                }
            } else if character == "\\" {
                isEscaped = true
            } else {
                result.unicodeScalars.append(character)
            }
        }
        return result
    }
}
