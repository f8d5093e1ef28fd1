// Files that get their name when they are whole, and keep it through a power cut.

import Foundation

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The last step of writing a file under another name first.
enum FinishedFile {
    /// Gives a file that is written and synced its name, and syncs the directory: until then the name is not on the disk.
    ///
    /// - Throws: `CocoaError` where there is something of that name; `.unusable` where the directory cannot be synced, and the file is
    ///   gone then.
    static func rename(_ partial: String, to file: String) throws {
        try FileManager.default.moveItem(atPath: partial, toPath: file)
        let directory = (file as NSString).deletingLastPathComponent
        do {
            try sync(directory: directory.isEmpty ? "." : directory)
        } catch {
            try? FileManager.default.removeItem(atPath: file)
            throw error
        }
    }

    static func sync(directory: String) throws(StoreError) {
        let descriptor = unsafe open(directory, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .unusable(path: directory, reason: systemMessage(errno)) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw .unusable(path: directory, reason: systemMessage(errno)) }
    }
}
