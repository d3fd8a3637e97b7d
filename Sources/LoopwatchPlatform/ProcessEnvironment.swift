// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import CLoopwatchRuntime
internal import Glibc

/// What the system says of this process.
package enum ProcessEnvironment {
    /// All environment variables; of one that is set twice, the first holds, as for getenv(3).
    package static func variables() -> [String: String] {
        var result: [String: String] = [:]
        guard var entry = lw_environment() else { return result }
        while let text = entry.pointee {
            let line = String(cString: text)
            if let separator = line.firstIndex(of: "=") {
                let name = String(line[..<separator])
                if result[name] == nil { result[name] = String(line[line.index(after: separator)...]) }
            }
            entry += 1
        }
        return result
    }

    /// Takes variables out of the environment, so that programs that this process starts do not have them.
    ///
    /// To be called before the process has started any other thread: the C library does not guard the environment.
    ///
    /// - Returns: those of them that were set.
    package static func take(_ names: [String]) -> [String: String] {
        let all = variables()
        for name in names { unsetenv(name) }
        return all.filter { names.contains($0.key) }
    }

    /// Name of the executable's file; `unknown` where the system does not say.
    package static func executableName() -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        guard count > 0 else { return "unknown" }
        let path = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return String(path.split(separator: "/").last ?? "unknown")
    }
}
