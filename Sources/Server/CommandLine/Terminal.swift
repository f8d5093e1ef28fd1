// What commands say to people: on standard error, so that standard output carries results only.

import Foundation

enum Terminal {
    /// Prints a line to standard error.
    static func say(_ line: String) { FileHandle.standardError.write(Data((line + "\n").utf8)) }

    static func warn(_ line: String) { say("warning: " + line) }

    /// Writes text to standard output at once, without a line break: for answers that stream.
    static func stream(_ text: String) { FileHandle.standardOutput.write(Data(text.utf8)) }
}
