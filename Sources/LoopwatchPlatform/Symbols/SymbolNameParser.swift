// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Shortens demangled names: the grammar is that of swift/lib/Demangling/NodePrinter.cpp, as far as functions need it.
enum SymbolNameParser {
    /// Shortens a demangled name.
    static func name(of demangled: String, host: String?) -> SymbolName {
        var scanner = NameScanner(demangled.utf8.prefix(SymbolLimits.mangledNameBytes))
        var kind = SymbolName.Kind.function
        var kept = ""
        // Prefixes can be nested, but not without end: each takes at least two bytes off.
        while let prefix = scanner.takePrefix() {
            switch prefix {
            case .dropped: break
            case .thunk: kind = .thunk
            case .kept(let text): kept += text
            }
        }
        if let text = scanner.generatedText() {
            return SymbolName(text: boundedText(kept + text, SymbolLimits.functionNameBytes), kind: .generated)
        }
        scanner.cutSuffixes()
        let contexts = scanner.contexts()
        let witness = witnessName(contexts)
        let module = contexts.last.flatMap { context in context.module ?? (witness == nil ? nil : context.text) }
        var text = witness ?? contexts.map(\.text).prefix(SymbolLimits.nameContexts).joined(separator: " in ")
        if let module, module != host {
            text = witness == nil ? text.inserting(module + ".", beforeLast: contexts.last?.text) : module + "." + text
        }
        return SymbolName(text: boundedText(kept + text, SymbolLimits.functionNameBytes), module: module, kind: kind)
    }

    /// `protocol witness for P.f() in conformance M.T : P in M` calls `T.f()`.
    private static func witnessName(_ contexts: [NameScanner.Context]) -> String? {
        guard contexts.count == 3, let type = contexts[1].conformingType else { return nil }
        return type + "." + contexts[0].lastComponent
    }
}

extension String {
    /// The text with something put before its last part; unchanged if it does not end with that part.
    fileprivate func inserting(_ insertion: String, beforeLast part: String?) -> String {
        guard let part, hasSuffix(part) else { return self }
        return dropLast(part.count) + insertion + part
    }
}
