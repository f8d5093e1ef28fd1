// How much processor time this process's control groups (Linux) let it have: what `docker --cpus` and Kubernetes' limits set.
//
// The number of cores a process is bound to does not tell: with `--cpus=2` on 64 cores it is 64, and as many threads would use up
// the quota of each tenth of a second in its first milliseconds, then all stand still.

import Foundation

/// A quota of processor time, in cores: processor seconds a second.
enum ProcessorQuota {
    /// The smallest quota of this process's control group and those around it; nil where there is none.
    ///
    /// - Parameter root: Where /proc and /sys are.
    static func ofThisProcess(root: String = "") -> Double? {
        #if os(Linux)
        return groups(text(at: "\(root)/proc/self/cgroup") ?? "")
            .flatMap { group in
                // Within a container the path may be the host's, and what is mounted the container's own group.
                ancestors(of: group.path).compactMap { group.quota(in: "\(root)/sys/fs/cgroup", path: $0) }
            }
            .min()
        #else
        return nil
        #endif
    }

    /// A group that may have a quota, of either version.
    enum Group: Equatable {
        /// Of version 2: one hierarchy.
        case unified(path: String)
        /// Of version 1: a hierarchy for the processor, mounted under the names of its controllers.
        case processor(controllers: String, path: String)

        var path: String {
            switch self {
            case .unified(let path), .processor(_, let path): path
            }
        }

        fileprivate func quota(in mount: String, path: String) -> Double? {
            switch self {
            case .unified:
                return text(at: "\(mount)\(path)/cpu.max").flatMap(ProcessorQuota.quota(unified:))
            case .processor(let controllers, _):
                let folder = "\(mount)/\(controllers)\(path)"
                guard let quota = text(at: "\(folder)/cpu.cfs_quota_us"),
                    let period = text(at: "\(folder)/cpu.cfs_period_us")
                else { return nil }
                return ProcessorQuota.quota(quota, period: period)
            }
        }
    }

    /// The groups of /proc/self/cgroup (cgroups(7)): `0::/path` of version 2, `4:cpu,cpuacct:/path` of version 1. Lines that are not
    /// like that, or whose path leads upwards, are passed over.
    static func groups(_ text: String) -> [Group] {
        text.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3, fields[2].first == "/", !fields[2].split(separator: "/").contains("..") else {
                return nil
            }
            let path = String(fields[2])
            if fields[0] == "0" && fields[1].isEmpty { return .unified(path: path) }
            guard fields[1].split(separator: ",").contains("cpu"), !fields[1].contains("/") else { return nil }
            return .processor(controllers: String(fields[1]), path: path)
        }
    }

    /// cpu.max: microseconds in a period of as many, or `max`.
    static func quota(unified text: String) -> Double? {
        let fields = text.split(whereSeparator: \.isWhitespace)
        guard fields.count == 2 else { return nil }
        return quota(String(fields[0]), period: String(fields[1]))
    }

    /// Microseconds in a period of as many; nil for `max`, -1 and whatever is no quota.
    static func quota(_ quota: String, period: String) -> Double? {
        func microseconds(_ text: String) -> Double? {
            Int(text.trimmingCharacters(in: .whitespacesAndNewlines)).flatMap { $0 > 0 ? Double($0) : nil }
        }
        guard let quota = microseconds(quota), let period = microseconds(period) else { return nil }
        // No more than any machine has, so that the number fits an integer.
        return min(quota / period, Double(1 << 20))
    }

    /// A group's path and those of the groups around it: `/a/b`, `/a` and the empty one of the root.
    static func ancestors(of path: String) -> [String] {
        let names = path.split(separator: "/").prefix(64)
        return (0...names.count).reversed().map { names.prefix($0).map { "/\($0)" }.joined() }
    }
}

/// The beginning of a small file; nil if it cannot be read or is not UTF-8.
private func text(at path: String) -> String? {
    guard let file = FileHandle(forReadingAtPath: path) else { return nil }
    // Files of these systems have no size to be believed.
    guard case .success(let data?) = Result(catching: { try file.read(upToCount: 1 << 16) }) else { return nil }
    return String(data: data, encoding: .utf8)
}
