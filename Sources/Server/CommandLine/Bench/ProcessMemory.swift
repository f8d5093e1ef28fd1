// The memory of this process, as the system counts it.

import Foundation

enum ProcessMemory {
    /// Bytes resident now; nil where the system does not tell.
    static var resident: Int? { status("VmRSS:") }

    /// The most bytes that were resident.
    static var peakResident: Int? { status("VmHWM:") }

    /// Bytes resident now, those of the process's own and those of mapped files apart; nil where the system does not tell.
    static var parts: (anonymous: Int, file: Int)? {
        guard let anonymous = status("RssAnon:"), let file = status("RssFile:") else { return nil }
        return (anonymous, file)
    }

    /// A line of /proc/self/status, "VmRSS:  81234 kB".
    private static func status(_ field: String) -> Int? {
        guard let text = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix(field) }),
            let kilobytes = line.split(separator: " ").dropLast().last?.split(separator: "\t").last
        else { return nil }
        return Int(kilobytes).map { $0 * 1024 }
    }
}
