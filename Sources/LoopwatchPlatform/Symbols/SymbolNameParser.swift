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
        let shownModule = module.flatMap { $0 == host ? nil : $0 + "." } ?? ""
        let places = contexts.indices.map { index in
            contexts[index].prefix + (index == contexts.count - 1 ? shownModule : "") + contexts[index].text
        }
        let text =
            witness.map { shownModule + $0 }
            ?? (places.prefix(SymbolLimits.nameContexts - 1) + places.dropFirst(SymbolLimits.nameContexts - 1).suffix(1))
            .joined(separator: " in ")
        return SymbolName(text: boundedText(kept + text, SymbolLimits.functionNameBytes), module: module, kind: kind)
    }

    /// `protocol witness for P.f() in conformance M.T : P in M` calls `T.f()`.
    private static func witnessName(_ contexts: [NameScanner.Context]) -> String? {
        guard contexts.count == 3, let type = contexts[1].conformingType else { return nil }
        return type + "." + contexts[0].lastComponent
    }
}
