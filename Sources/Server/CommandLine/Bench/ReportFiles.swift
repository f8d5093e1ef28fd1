// Reports as files beside each other.

import Foundation

/// What `bench … --out DIR` writes.
enum ReportFiles {
    /// Writes each text under its name into a directory, which is made when it is not there.
    static func write(_ texts: [String: String], into directory: String) throws {
        let folder = URL(filePath: directory)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for (name, text) in texts { try Data(text.utf8).write(to: folder.appending(path: name)) }
    }
}
