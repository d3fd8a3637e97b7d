// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import LoopwatchPlatform

/// The terminal while `top` has it: another screen, no echo, keys as they are pressed.
///
/// What was there before comes back by ``leave()``, which is also called when the value goes.
final class Terminal {
    private let output: Console
    private var saved: termios?
    private var isEntered = false

    /// Whether a screen can be had: standard output is a terminal, and not one that knows nothing but lines.
    static func isThere(environment: [String: String]) -> Bool {
        let kind = environment["TERM"] ?? ""
        return isatty(STDOUT_FILENO) == 1 && !kind.isEmpty && kind != "dumb"
    }

    /// Whether to use colours: on a terminal, unless the user says otherwise (https://no-color.org).
    static func isColoured(environment: [String: String]) -> Bool {
        isThere(environment: environment) && (environment["NO_COLOR"] ?? "").isEmpty
    }

    /// Creates the terminal, unchanged.
    init(output: Console) { self.output = output }

    deinit { leave() }

    /// Whether keys come, which they do where standard input is a terminal too.
    private(set) var hasKeys = false

    /// Takes the terminal.
    func enter() {
        guard !isEntered else { return }
        isEntered = true
        var current = termios()
        if tcgetattr(STDIN_FILENO, &current) == 0 {
            saved = current
            // Ctrl-C and Ctrl-Z stay signals.
            current.c_lflag &= ~tcflag_t(ICANON | ECHO)
            hasKeys = tcsetattr(STDIN_FILENO, TCSANOW, &current) == 0
        }
        output.write("\u{1B}[?1049h\u{1B}[?25l\u{1B}[H\u{1B}[2J")
    }

    /// Gives the terminal back as it was.
    func leave() {
        guard isEntered else { return }
        isEntered = false
        output.write("\u{1B}[0m\u{1B}[?25h\u{1B}[?1049l")
        if var saved { tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved) }
        hasKeys = false
    }

    /// Shows lines in place of those before.
    func show(_ lines: [String]) {
        var text = "\u{1B}[H"
        for (index, line) in lines.enumerated() { text += (index > 0 ? "\n" : "") + line + "\u{1B}[K" }
        output.write(text + "\u{1B}[J")
    }

    /// Columns and lines now; 80 and 24 where the terminal does not say.
    static func size() -> (width: Int, height: Int) {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
            return (80, 24)
        }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    /// The keys that were pressed; `nil` once no more can come.
    func keys() -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = retryingInterrupted { read(STDIN_FILENO, &bytes, bytes.count) }
        guard count > 0 else {
            if count < 0, errno == EAGAIN { return [] }
            hasKeys = false
            return nil
        }
        return Array(bytes.prefix(count))
    }
}
