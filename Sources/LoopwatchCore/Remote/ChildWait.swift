// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Tells by its stack that a thread waits for a child process, whatever system call it does that in: Node runs an event loop
/// of its own until the child has ended, and Python reads what the child writes.
public enum ChildWait {
    /// Functions of `node:child_process`, and the class of Node that they call.
    private static let script: Set<String> = ["spawnSync", "execSync", "execFileSync"]
    private static let native = "node::SyncProcessRunner::"

    /// Whether the thread is in a function that starts a child process and waits for it.
    ///
    /// Only code of the interpreter's own counts: an application may have functions of these names.
    public static func isIn(_ stack: Stack) -> Bool {
        stack.frames.contains { frame in
            if frame.function.hasPrefix(native) { return true }
            guard frame.origin == .runtime, let file = frame.file else { return false }
            if file.hasPrefix("node:") {
                return file.hasSuffix("child_process") && script.contains(frame.function)
            }
            return file.hasSuffix("/subprocess.py")
        }
    }
}
