// How many threads a computation is worth, for the modules that start some. ProcessorQuota.swift reads what control groups allow.

import Foundation

package enum Cores {
    /// Cores this process may use, 1 at least: those it is bound to, fewer where its control groups have a quota of processor time for
    /// fewer (Linux). Asked for once, when it is first wanted: that reads some small files.
    package static let usable: Int = {
        // A part of a core is no thread's: the others would wait for it.
        let quota = ProcessorQuota.ofThisProcess().map { max(Int($0), 1) }
        return min(ProcessInfo.processInfo.activeProcessorCount, quota ?? .max)
    }()
}
