// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

extension PythonFunction {
    /// The frame of a stack.
    var frame: StackFrame {
        StackFrame(
            function: name,
            file: sourcePath(file),
            line: line,
            module: fileName(file),
            origin: SourceOrigin.python(file)
        )
    }
}

extension ScriptFunction {
    /// The frame of a stack.
    var frame: StackFrame {
        let scheme = "file://"
        let path = script.hasPrefix(scheme) ? String(script.dropFirst(scheme.count)) : script
        return StackFrame(
            function: name.isEmpty ? "(anonymous)" : name,
            file: path.isEmpty ? nil : sourcePath(path),
            line: line,
            module: path.isEmpty ? "node" : fileName(path),
            origin: SourceOrigin.script(path)
        )
    }
}

/// A path of which the end is kept.
private func sourcePath(_ path: String) -> String {
    guard path.utf8.count > SymbolLimits.sourcePathBytes else { return path }
    return String(decoding: path.utf8.suffix(SymbolLimits.sourcePathBytes), as: UTF8.self)
}

/// The last part of a path, which stands for the binary that interpreted code has not.
private func fileName(_ path: String) -> String {
    boundedText(path.split(separator: "/").last.map(String.init) ?? path, SymbolLimits.moduleNameBytes)
}
