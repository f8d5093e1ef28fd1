// A file's bytes as memory: read when touched, shared between processes, given back when the machine needs room.

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A file of a model directory, mapped read-only for as long as the object lives.
///
/// The file must not shrink meanwhile: touching a page that is no longer there is a bus error, as with any mapping.
/// Replacing a file by renaming another over it is safe.
@safe final class MappedFile: Sendable {
    /// The file's bytes; valid while this object lives.
    // Written once in init and never again, and the mapping is read-only: any thread may read it.
    nonisolated(unsafe) let bytes: UnsafeRawBufferPointer

    /// Maps the file at `path`.
    ///
    /// Throws `.unreadable` with the system's reason, `.malformed` for more than `limit` bytes and for what Git LFS leaves in a
    /// file's place where it is not installed: three lines of text.
    init(path: String, atMost limit: Int = .max) throws(ModelError) {
        // Without O_NONBLOCK a pipe is opened when somebody writes to it, which may be never.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .unreadable(path: path, reason: Self.reason(errno)) }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw .unreadable(path: path, reason: Self.reason(errno)) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .unreadable(path: path, reason: "it is not a file") }
        let size = Int(status.st_size)
        guard size > 0 else { throw .unreadable(path: path, reason: "it is empty") }
        guard size <= limit else {
            throw .malformed(path: path, reason: "it has \(size) bytes, and \(limit) are read at most")
        }
        guard let address = unsafe mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), unsafe address != MAP_FAILED
        else { throw .unreadable(path: path, reason: Self.reason(errno)) }
        unsafe bytes = UnsafeRawBufferPointer(start: address, count: size)
        guard unsafe !bytes.starts(with: "version https://git-lfs".utf8) else {
            throw .malformed(
                path: path, reason: "it is a Git LFS pointer; fetch the file itself (git lfs pull)")
        }
    }

    deinit {
        _ = unsafe munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count)
    }

    /// A copy of the file's bytes.
    // To load `bytes` may be the object's last use, and the mapping go before what is behind the pointer is read.
    func contents() -> [UInt8] {
        withExtendedLifetime(self) { unsafe [UInt8](bytes) }
    }

    /// Gives back the memory of what has been read so far. What is touched again is read again, from the system's cache.
    func releasePages() {
        _ = unsafe madvise(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count, MADV_DONTNEED)
    }

    private static func reason(_ code: Int32) -> String {
        unsafe String(cString: strerror(code))
    }
}
