// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Decides what `top` says of its connection.
struct TopState {
    private let source: String
    private var picture: StatusPicture?
    private var alarm: String?
    private var note: String?

    /// Begins without a picture.
    init(source: String) { self.source = source }

    /// Whether a picture has come.
    var hasPicture: Bool { picture != nil }

    /// Takes a picture.
    mutating func arrived(_ new: StatusPicture) {
        if let old = picture, old.run != new.run {
            note = "the server was restarted, seen at \(new.time.prefix(19))Z; its counters begin anew"
        } else if alarm != nil {
            note = "connected again at \(new.time.prefix(19))Z"
        }
        alarm = nil
        picture = new
    }

    /// Notes that none came.
    mutating func lost(_ reason: String) {
        alarm = "CONNECTION LOST, the picture is an old one: \(reason); trying again"
    }

    /// Notes something that is to be shown below the table.
    mutating func remark(_ text: String) { note = SafeText.line(text) }

    /// What is shown; `nil` before the first picture.
    func screen(keys: String?) -> TopScreen? {
        picture.map { TopScreen(picture: $0, source: source, alarm: alarm, note: note, keys: keys) }
    }
}
