// What several threads read and change.

import Foundation

/// A value that threads read and change one after the other, behind a lock the thread sanitizer knows, which `Mutex` is not on
/// Linux.
///
/// `@unchecked Sendable`: the value is touched only while the lock is held.
final class Locked<Value: Sendable>: @unchecked Sendable {
    private let lock = NSLock()
    private var value: Value

    init(_ value: Value) { self.value = value }

    func withLock<Result>(_ body: (inout Value) -> Result) -> Result { lock.withLock { body(&value) } }
}
