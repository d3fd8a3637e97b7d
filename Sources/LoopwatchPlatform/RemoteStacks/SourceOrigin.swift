// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

package import LoopwatchCore

/// Tells whose code a file of an interpreted language is, by its path.
package enum SourceOrigin {
    /// The origin of a file of Python.
    ///
    /// Packages are installed into `site-packages` (Debian: `dist-packages`), scripts that start them into `bin`; the
    /// standard library is `lib/pythonX.Y` without them (sysconfig's installation schemes), or frozen into the interpreter.
    package static func python(_ path: String) -> StackFrame.Origin {
        if path.isEmpty || path.hasPrefix("<frozen") || path == "<interpreter trampoline>" { return .runtime }
        let folders = path.split(separator: "/").dropLast()
        if isPackaged(path) { return .library }
        if path.hasPrefix("/"), folders.last == "bin" || folders.last == "sbin" { return .library }
        if folders.contains(where: isArchive) { return .runtime }
        for (outer, inner) in zip(folders, folders.dropFirst())
        where (outer == "lib" || outer == "lib64") && isVersioned(inner) {
            return .runtime
        }
        return .host
    }

    /// `python3.12`, with a letter for builds of another kind.
    private static func isVersioned(_ folder: Substring) -> Bool {
        guard folder.hasPrefix("python3."), let digit = folder.utf8.dropFirst(8).first else { return false }
        return (48...57).contains(digit)
    }

    /// `python312.zip`.
    private static func isArchive(_ folder: Substring) -> Bool {
        folder.hasPrefix("python3") && folder.hasSuffix(".zip")
    }

    /// The origin of a script of JavaScript: `node:…` and what has no script is Node's own.
    package static func script(_ name: String) -> StackFrame.Origin {
        if name.isEmpty || name.hasPrefix("node:") || name.hasPrefix("internal/") { return .runtime }
        return isPackaged(name) ? .library : .host
    }

    /// Whether a file belongs to a package that is installed beside the application, as
    /// /app/venv/lib/python3.12/site-packages/pydantic_core/_pydantic_core.so does.
    ///
    /// Only folders of just these names say so: an application may lie in /srv/go-packages.
    package static func isPackaged(_ path: String) -> Bool {
        path.split(separator: "/").dropLast().contains { packageFolders.contains($0) }
    }

    private static let packageFolders: Set<Substring> = ["site-packages", "dist-packages", "node_modules"]
}
