// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import LoopwatchCore
internal import LoopwatchPlatform

/// The command `loopwatch top`: a live table of what is blocked now.
struct TopCommand {
    let options: TopOptions
    let output: Console

    /// Shows the table until q, a signal, or the end of the output.
    ///
    /// - Throws: ``CommandError`` when there is nothing to show at first.
    func run(environment: [String: String]) throws(CommandError) {
        let inbox: SignalInbox
        do {
            inbox = try SignalInbox([SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGTSTP, SIGCONT])
        } catch {
            throw .unavailable("\(error).")
        }
        var process: TopProcess?
        let location: EndpointLocation
        let source: String
        switch options.source {
        case .endpoint(let given):
            location = given
            source = "\(given)"
        case .process(let identifier):
            let watched = try TopProcess(identifier, threshold: options.threshold, environment: environment)
            guard let own = watched.location else {
                watched.stop()
                throw .unavailable("the endpoint of the watch could not be started.")
            }
            process = watched
            location = own
            source = "process \(identifier), from outside"
        }
        defer { process?.stop() }
        let feed: StatusFeed
        do {
            // A watch that begins just now has something to tell after a while only.
            feed = try StatusFeed(
                location,
                interval: options.interval,
                delay: process != nil ? (options.isOnce ? options.interval : .milliseconds(200)) : .zero
            )
        } catch {
            throw .unavailable("\(error).")
        }
        defer { feed.stop() }
        let isScreen = !options.isOnce && !options.isJSON && Terminal.isThere(environment: environment)
        var view = TopView(
            state: TopState(source: source),
            options: options,
            output: output,
            isScreen: isScreen,
            isColoured: !options.isJSON && Terminal.isColoured(environment: environment)
        )
        try view.run(inbox: inbox, feed: feed, process: process, location: location)
    }
}

/// Shows what a ``TopState`` decides.
private struct TopView: ~Copyable {
    private var state: TopState
    private let options: TopOptions
    private let output: Console
    private let isScreen: Bool
    private let isColoured: Bool
    private let terminal: Terminal
    private let isClosed = Flag()
    private var hasSaidThatItEnded = false

    init(state: TopState, options: TopOptions, output: Console, isScreen: Bool, isColoured: Bool) {
        self.state = state
        self.options = options
        self.output = output
        self.isScreen = isScreen
        self.isColoured = isColoured
        terminal = Terminal(output: output)
        let isClosed = isClosed
        output.onClose { isClosed.raise() }
    }

    mutating func run(
        inbox: SignalInbox,
        feed: StatusFeed,
        process: TopProcess?,
        location: EndpointLocation
    ) throws(CommandError) {
        defer { terminal.leave() }
        while !isClosed.isRaised {
            var entries = [
                pollfd(fd: inbox.descriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: feed.descriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: terminal.hasKeys ? STDIN_FILENO : -1, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&entries, 3, -1) >= 0 || errno == EINTR else { return }
            if entries[0].revents != 0, let signal = inbox.next(), !take(signal) { return }
            if entries[2].revents != 0, let keys = terminal.keys() {
                if keys.contains(UInt8(ascii: "q")) || keys.contains(UInt8(ascii: "Q")) { return }
            }
            guard entries[1].revents != 0, let answer = feed.take() else { continue }
            if let process { note(process) }
            switch answer {
            case .picture(let picture, let document):
                state.arrived(picture)
                if options.isJSON {
                    output.write(String(decoding: document, as: UTF8.self))
                    if document.last != 0x0A { output.write("\n") }
                } else {
                    show()
                }
                if options.isOnce { return }
            case .problem(let problem):
                guard state.hasPicture, !options.isOnce else {
                    throw .unavailable("\(location): \(problem.text).")
                }
                state.lost(problem.text)
                if isScreen {
                    show()
                } else {
                    Console(.standardError).line("loopwatch: \(location): \(problem.text); trying again.")
                }
            }
            // Nobody is there to press q.
            if process?.hasEnded == true, !isScreen { return }
        }
    }

    private mutating func note(_ process: TopProcess) {
        if process.hasEnded {
            if !hasSaidThatItEnded { state.remark("the process has ended, or nothing of it can be watched") }
            hasSaidThatItEnded = true
        } else if let remark = process.latestRemark {
            state.remark(remark)
        }
    }

    /// Does what a signal asks for; returns whether to go on.
    private func take(_ signal: CInt) -> Bool {
        switch signal {
        case SIGWINCH:
            if isScreen { show() }
        case SIGTSTP:
            terminal.leave()
            // The signal itself is waited for, so it would not stop anything.
            kill(getpid(), SIGSTOP)
            if isScreen, state.hasPicture { show() }
        case SIGCONT: break
        default: return false
        }
        return true
    }

    private func show() {
        if isScreen {
            terminal.enter()
            let size = Terminal.size()
            guard let screen = state.screen(keys: terminal.hasKeys ? "q quits" : nil) else { return }
            let lines = screen.lines(width: size.width, height: size.height)
            terminal.show(lines.map { $0.text(width: size.width, isColoured: isColoured) })
            return
        }
        guard let screen = state.screen(keys: nil) else { return }
        // What is no terminal has no width; a table needs one all the same.
        let isTerminal = isatty(STDOUT_FILENO) == 1
        let width = isTerminal ? Terminal.size().width : 80
        let lines = screen.lines(width: width, height: nil)
        let text = lines.map { $0.text(width: isTerminal ? width : .max, isColoured: isColoured) + "\n" }.joined()
        output.write(text + (options.isOnce ? "" : "\n"))
    }
}
