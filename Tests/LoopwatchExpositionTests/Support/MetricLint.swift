// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// The rules of Prometheus' `promtool check metrics`, for families of the text format.
enum MetricLint {
    /// What the linter has against a family.
    static func problems(of family: ParsedFamily) -> [String] {
        var problems: [String] = []
        let name = family.name
        let words = name.split(separator: "_").map(String.init)
        let labels = Set(family.samples.flatMap { $0.labels.keys })
        if family.help?.isEmpty ?? true { problems.append("no help text") }
        if family.type == "counter", !name.hasSuffix("_total") { problems.append("counter without _total") }
        if family.type != "counter", name.hasSuffix("_total") { problems.append("_total without counter") }
        if family.type != "histogram" {
            if name.hasSuffix("_bucket") { problems.append("_bucket without histogram") }
            if labels.contains("le") { problems.append("le without histogram") }
        }
        if family.type != "summary", labels.contains("quantile") { problems.append("quantile without summary") }
        if family.type != "summary", family.type != "histogram", name.hasSuffix("_count") || name.hasSuffix("_sum") {
            problems.append("_count or _sum without summary or histogram")
        }
        let types = ["counter", "gauge", "histogram", "summary", "untyped"]
        if words.contains(where: types.contains) { problems.append("type in the name") }
        if name.contains(":") { problems.append("colon in the name") }
        if isCamelCase(name) { problems.append("camel case in the name") }
        if labels.contains(where: isCamelCase) { problems.append("camel case in a label") }
        if words.contains(where: abbreviations.contains) { problems.append("abbreviated unit") }
        if words.contains(where: isForeignUnit) { problems.append("not a base unit") }
        return problems
    }

    private static let abbreviations: Set = [
        "s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb", "m", "h", "d",
    ]
    private static let foreignUnits: Set = [
        "minute", "hour", "day", "week", "bit", "fahrenheit", "kelvin", "inch", "yard", "mile", "calorie", "percent",
    ]
    private static let prefixes = ["pico", "nano", "micro", "milli", "centi", "deci", "deca", "hecto", "kilo", "mega"]
    private static let baseUnits: Set = ["second", "byte", "meter", "gram", "joule", "ampere", "volt", "celsius"]

    /// Whether a word is a unit that is no base unit, in the singular or plural.
    private static func isForeignUnit(_ word: String) -> Bool {
        let singular = word.hasSuffix("s") ? String(word.dropLast()) : word
        if foreignUnits.contains(singular) { return true }
        return prefixes.contains { singular.hasPrefix($0) && baseUnits.contains(String(singular.dropFirst($0.count))) }
    }

    /// Whether a small letter is followed by a capital one.
    private static func isCamelCase(_ name: String) -> Bool {
        zip(name, name.dropFirst()).contains { $0.isLowercase && $1.isUppercase }
    }
}
