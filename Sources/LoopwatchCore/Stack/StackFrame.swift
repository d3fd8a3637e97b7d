// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// One frame of a captured stack, with its name.
public struct StackFrame: Sendable, Hashable {
    /// Whose code it is.
    public enum Origin: String, Sendable {
        /// The host's own; of a compiled one also that of the packages that it is built from.
        case host
        /// A package that an interpreted host uses: Python's site-packages, node_modules.
        case library
        /// Swift's standard library, concurrency runtime, or Foundation; an interpreter and its standard library.
        case runtime
        /// Dispatch.
        case dispatch
        /// The C library, the loader, the kernel's vDSO, any other library of the system.
        case system
        /// No module holds the address.
        case unknown
    }

    /// How the frame is related to the one before it, which is the inner one.
    public enum Link: String, Sendable {
        /// It called it, and is on the same stack.
        case call
        /// The inner one was inlined into it.
        case inlined
        /// It awaits it: a logical caller, marked `<` in text.
        case asynchronous
    }

    /// Demangled name, without its module where that is the host's; `MODULE+0xOFFSET` where there is no symbol.
    public var function: String
    /// Name of the source file, as the compiler wrote it down; `nil` where it is not known.
    public var file: String?
    /// Line in the source file, from 1; `nil` where it is not known.
    public var line: Int?
    /// File name of the binary, without its folder.
    public var module: String
    /// Offset in the binary, in bytes: what `addr2line` takes.
    public var moduleOffset: UInt64
    /// Address in the process.
    public var address: UInt64
    /// Whose code it is.
    public var origin: Origin
    /// How the frame is related to the one before it.
    public var link: Link
    /// Whether the frame was found by evidence that is weaker than a proof; marked `?` in text.
    public var isUncertain: Bool

    /// Creates a frame.
    public init(
        function: String,
        file: String? = nil,
        line: Int? = nil,
        module: String,
        moduleOffset: UInt64 = 0,
        address: UInt64 = 0,
        origin: Origin,
        link: Link = .call,
        isUncertain: Bool = false
    ) {
        self.function = function
        self.file = file
        self.line = line
        self.module = module
        self.moduleOffset = moduleOffset
        self.address = address
        self.origin = origin
        self.link = link
        self.isUncertain = isUncertain
    }
}
