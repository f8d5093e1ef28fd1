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
    ///   file, and what else `write` throws. Nothing is left behind then; what the end of a process left is removed by the next who
    ///   makes a file of the name.
    static func make<Value>(_ file: String, _ write: (_ partial: String) throws -> Value) throws -> Value {
        guard !FileManager.default.fileExists(atPath: file) else { throw isThere(file) }
        sweep(file)
        let partial = "\(file).\(String(UInt64.random(in: 0 ... .max), radix: 16))\(ending)"
        let descriptor = unsafe open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure(file, errno) }
        defer { close(descriptor) }
        // Ends with this process: who holds it is still at work.
        flock(descriptor, LOCK_EX | LOCK_NB)
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
    /// - Throws: `.unusable` where there is something of that name, or where the directory cannot be synced, and the file is gone then.
    static func rename(_ partial: String, to file: String) throws {
        // A rename would put it in the place of what another has made meanwhile; a second name is refused then.
        if unsafe link(partial, file) == 0 {
            unsafe unlink(partial)
        } else if errno == EEXIST {
            throw isThere(file)
        } else {
            // There are file systems without second names.
            try FileManager.default.moveItem(atPath: partial, toPath: file)
        }
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

    private static let ending = ".partial"

    /// Removes files under the names of `make` that nobody holds any longer.
    private static func sweep(_ file: String) {
        let (folder, name) = ((file as NSString).deletingLastPathComponent, (file as NSString).lastPathComponent)
        let others = (try? FileManager.default.contentsOfDirectory(atPath: folder.isEmpty ? "." : folder)) ?? []
        for other in others where other.hasPrefix(name + ".") && other.hasSuffix(ending) {
            let number = other.dropFirst(name.count + 1).dropLast(ending.count)
            guard UInt64(number, radix: 16) != nil else { continue }
            let path = (folder as NSString).appendingPathComponent(other)
            let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
            guard descriptor >= 0 else { continue }
            defer { close(descriptor) }
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { unsafe unlink(path) }
        }
    }

    private static func isThere(_ file: String) -> StoreError {
        .unusable(path: file, reason: "it is there already; choose another name")
    }

    private static func failure(_ path: String, _ number: Int32) -> StoreError {
        [ENOSPC, EDQUOT].contains(number)
            ? .diskFull(path: path) : .unusable(path: path, reason: systemMessage(number))
    }
}
