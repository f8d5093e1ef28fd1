// Files that get their name when they are whole, and keep it through a power cut.

import Foundation
import HNSW

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Files made under another name first.
enum FinishedFile {
    /// Has `write` fill a file that only its owner can read, syncs it, and then gives it its name.
    ///
    /// - Parameter write: Gets the path of an empty file in the same directory, which nobody else writes to: two callers may be making
    ///   files of one name.
    /// - Throws: `.unusable` where there is something of that name already or a file cannot be made there, `.diskFull`, both of this
    ///   file, and what else `write` throws. Nothing is left behind then.
    static func make<Value>(_ file: String, _ write: (_ partial: String) throws -> Value) throws -> Value {
        guard !FileManager.default.fileExists(atPath: file) else {
            throw StoreError.unusable(path: file, reason: "it is there already; choose another name")
        }
        let partial = "\(file).\(String(UInt64.random(in: 0 ... .max), radix: 16)).partial"
        let descriptor = unsafe open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure(file, errno) }
        defer { close(descriptor) }
        do {
            let value = try write(partial)
            guard synchronise(descriptor) == 0 else { throw failure(file, errno) }
            try rename(partial, to: file)
            return value
        } catch {
            try? FileManager.default.removeItem(atPath: partial)
            // SQLite does not say which of two databases it means: what is full or cannot be used is the one that is written.
            switch StoreError(error, path: file) {
            case .diskFull: throw StoreError.diskFull(path: file)
            case .unusable(_, let reason): throw StoreError.unusable(path: file, reason: reason)
            default: throw error
            }
        }
    }

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
        guard descriptor >= 0 else { throw failure(directory, errno) }
        defer { close(descriptor) }
        guard synchronise(descriptor) == 0 else { throw failure(directory, errno) }
    }

    private static func failure(_ path: String, _ number: Int32) -> StoreError {
        number == ENOSPC ? .diskFull(path: path) : .unusable(path: path, reason: systemMessage(number))
    }
}
