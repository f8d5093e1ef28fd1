// Which states of a collection somebody still has, for the one who may not change what an old state relies on.

import Synchronization

/// The ages of a collection's states that are in somebody's hands: the store's the newest, readers' those they began with.
final class StateAges: Sendable {
    private struct Ages {
        var next: UInt64 = 0
        /// A handful: the newest, and one for each commit that a reader has not kept up with.
        var held: Set<UInt64> = []
    }

    private let ages = Mutex(Ages())

    /// A mark for a state that is younger than all before it.
    func mark() -> StateMark {
        let age = ages.withLock { ages in
            defer { ages.next += 1 }
            ages.held.insert(ages.next)
            return ages.next
        }
        return StateMark(age, in: self)
    }

    /// Whether nobody has a state any more that is older than `age`.
    func areGone(before age: UInt64) -> Bool { ages.withLock { !$0.held.contains { $0 < age } } }

    fileprivate func forget(_ age: UInt64) { _ = ages.withLock { $0.held.remove(age) } }
}

/// Goes from hand to hand with a state and its copies, and ends with the last of them.
final class StateMark: Sendable {
    let age: UInt64
    private let ages: StateAges

    fileprivate init(_ age: UInt64, in ages: StateAges) {
        self.age = age
        self.ages = ages
    }

    deinit { ages.forget(age) }
}
