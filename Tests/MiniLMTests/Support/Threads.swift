// Threads of a test's own, for work that waits for other work: Dispatch runs no more at a time than there are cores.

import Dispatch
import Foundation

/// Calls `body` with 0 to count - 1, each on a thread of its own, and returns when all are done.
func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    let group = DispatchGroup()
    for number in 0..<count {
        group.enter()
        Thread.detachNewThread {
            body(number)
            group.leave()
        }
    }
    group.wait()
}
