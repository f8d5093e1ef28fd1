// One process a directory: an advisory lock that dies with its owner, however that ends.

import Foundation
import HNSW
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Holds `flock(2)` on a file in the directory until it is released.
///
/// The kernel releases the lock when the process ends, also by `kill -9`: there is no stale lock to clean up. Two stores of
/// one process exclude each other too, because the lock belongs to the open file and each opens its own.
final class DirectoryLock: Sendable {
    private let descriptor: Mutex<Int32?>

    /// - Throws: `.locked` with the holder's process number when it wrote one, `.unusable`.
    init(directory: String) throws(StoreError) {
        let path = directory + "/.lock"
        // O_CLOEXEC: a child process must not inherit the lock and outlive us with it.
        let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .unusable(path: path, reason: systemMessage(errno)) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let reason = errno
            var bytes = [UInt8](repeating: 0, count: 16)
            let count = unsafe pread(descriptor, &bytes, bytes.count, 0)
            close(descriptor)
            guard reason == EWOULDBLOCK else {
                throw .unusable(path: path, reason: systemMessage(reason))
            }
            let text = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
            throw .locked(directory: directory, holder: Int32(text.split(separator: "\n").first ?? ""))
        }
        // Only for the message of whoever comes second: failing to write it does no harm.
        let line = Array("\(getpid())\n".utf8)
        _ = ftruncate(descriptor, 0)
        _ = unsafe pwrite(descriptor, line, line.count, 0)
        self.descriptor = Mutex(descriptor)
    }

    deinit { release() }

    /// Lets the next one have the directory. Once is enough.
    func release() {
        descriptor.withLock { descriptor in
            guard let open = descriptor.take() else { return }
            // Closing alone would leave the lock with a child process that has been forked and not yet executed anything.
            flock(open, LOCK_UN)
            close(open)
        }
    }
}
