// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// A function's name as an engineer wants it in a log line: `Checkout.pay(order:)`.
package struct SymbolName: Sendable, Hashable {
    /// What the code is.
    package enum Kind: Sendable, Hashable {
        /// A function that someone wrote.
        case function
        /// Code that only calls the function that it is named after.
        case thunk
        /// Code that the compiler made up, named after nothing that someone wrote.
        case generated
    }

    /// What a function is called that only adapts arguments from one convention to another.
    static let reabstractionThunk = "reabstraction thunk"

    /// The short name: without types, specialisations and parts; with argument labels; with its module where that is not
    /// the host's.
    package var text: String
    /// The module whose code it is; `nil` where the name does not tell.
    package var module: String?
    /// What the code is.
    package var kind: Kind

    /// Creates a name.
    package init(text: String, module: String? = nil, kind: Kind = .function) {
        self.text = text
        self.module = module
        self.kind = kind
    }

    /// Shortens a demangled name of Swift; the module `host` is left out of the text.
    ///
    /// Any text is accepted; of one that has not the expected form, the beginning is kept.
    package init(demangled: String, host: String?) {
        self = SymbolNameParser.name(of: demangled, host: host)
    }
}
