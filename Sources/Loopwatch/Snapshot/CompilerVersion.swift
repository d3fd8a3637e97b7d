// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// The compiler that built Loopwatch, as far as the language lets it be known.
enum CompilerVersion {
    /// The version, major and minor.
    static var text: String {
        #if compiler(>=6.4)
            "6.4 or later"
        #elseif compiler(>=6.3)
            "6.3"
        #else
            "6.2"
        #endif
    }
}
