// Disks that are full when a test says so.
//
// There are two kinds. One is mounted, 1 MB of memory, where that is permitted: by root on Linux outside most containers. The other is
// any disk that this process is told is full (RuntimeCounters), with glibc, by whomever: there one of the two is always tested. Elsewhere
// there is none, and tests that need one are skipped.

import Foundation
import RuntimeCounters
import Testing

/// A disk with little room.
enum SmallDisk: Sendable {
    case mounted
    case counted

    static let kinds: [SmallDisk] = (canMount ? [.mounted] : []) + (runtime_counts_exist() ? [.counted] : [])

    private static let canMount: Bool = {
        let directory = FileManager.default.temporaryDirectory.appending(path: "mounted-\(UUID().uuidString)").path
        do {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: directory) }
            try mount(directory)
            try unmount(directory)
            return true
        } catch { return false }
    }()

    private static func run(_ command: String, _ arguments: String...) throws {
        let process = Process()
        process.executableURL = URL(filePath: command)
        process.arguments = arguments
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw CocoaError(.fileWriteUnknown) }
    }

    private static func mount(_ directory: String) throws {
        try run("/usr/bin/mount", "-t", "tmpfs", "-o", "size=1m", "none", directory)
    }

    private static func unmount(_ directory: String) throws { try run("/usr/bin/umount", "-l", directory) }

    /// A directory on such a disk, which `fill` leaves so many blocks of 4,096 bytes of; nil, all.
    func with(_ body: (_ directory: String, _ fill: (Int?) throws -> Void) async throws -> Void) async throws {
        try await withTemporaryDirectory { root in
            if self == .mounted { try Self.mount(root) }
            let result: Result<Void, any Error>
            do {
                try FileManager.default.createDirectory(
                    atPath: root + "/data", withIntermediateDirectories: true)
                try await body(root + "/data") { blocks in try fill(root, blocks) }
                result = .success(())
            } catch { result = .failure(error) }
            try fill(root, nil)
            if self == .mounted { try Self.unmount(root) }
            try result.get()
        }
    }

    private func fill(_ root: String, _ blocks: Int?) throws {
        switch self {
        case .mounted:
            let others = URL(filePath: root + "/others")
            try Data().write(to: others)
            let free = try FileManager.default.attributesOfFileSystem(forPath: root)[.systemFreeSize] as? Int
            guard let blocks else { return }
            try Data(count: max(0, try #require(free) - blocks * 4096)).write(to: others)
        case .counted:
            guard let blocks else { return runtime_leave_all_room() }
            try #require(unsafe runtime_leave_room(root, UInt64(blocks)))
        }
    }
}
