// A progress bar for people. On anything but a terminal it prints nothing.

import Foundation
import Synchronization

/// Draws "embedding  [#####     ]  1200/2400  51/s" on standard error, ten times a second at most.
final class ProgressBar: Sendable {
    private struct State {
        var done = 0
        var lastDrawn: ContinuousClock.Instant?
    }

    private let label: String
    private let total: Int
    private let unit: String
    private let isVisible: Bool
    private let begin = ContinuousClock.now
    private let state = Mutex(State())

    /// - Parameter unit: "B" shows the numbers in megabytes; anything else is counted as it is.
    init(_ label: String, total: Int, unit: String = "") {
        self.label = label
        self.unit = unit
        self.total = max(total, 1)
        isVisible = isatty(STDERR_FILENO) == 1
    }

    func update(_ done: Int) {
        guard isVisible else { return }
        state.withLock { state in
            state.done = max(state.done, done)
            let now = ContinuousClock.now
            if let last = state.lastDrawn, last.duration(to: now) < .milliseconds(100) { return }
            state.lastDrawn = now
            draw(state.done)
        }
    }

    /// Draws the last state and ends the line.
    func finish() {
        guard isVisible else { return }
        state.withLock { state in
            draw(state.done)
            FileHandle.standardError.write(Data("\n".utf8))
        }
    }

    private func draw(_ done: Int) {
        let width = 30
        let filled = min(width, width * done / total)
        let bar = String(repeating: "#", count: filled) + String(repeating: " ", count: width - filled)
        let seconds = begin.duration(to: .now).inSeconds
        let rate = seconds > 0 ? Int(Double(done) / seconds) : 0
        let numbers = "\(amount(done))/\(amount(total))  \(amount(rate))/s"
        FileHandle.standardError.write(Data("\r\(label)  [\(bar)]  \(numbers) ".utf8))
    }

    private func amount(_ count: Int) -> String { unit == "B" ? "\(count / 1_000_000) MB" : "\(count)" }
}

extension Duration {
    /// The duration in seconds.
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
