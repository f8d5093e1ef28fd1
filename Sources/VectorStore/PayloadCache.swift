// Payloads that were read lately, so that what is found again is told without the database.

import Synchronization

/// Payloads by point and version.
///
/// A point's row and the number of the operation that wrote it last say which payload it has: what is here is never wrong, only
/// no longer asked for. Two generations bound it: when the young one is full it becomes the old one, and what of the old one is
/// found is young again.
final class PayloadCache: Sendable {
    struct Key: Hashable {
        /// The row's number in the database.
        var point: Int64
        var version: Int64
    }

    private typealias Generation = [Key: (payload: JSONObject, bytes: Int)]

    private struct Generations {
        var young: Generation = [:]
        var old: Generation = [:]
        /// Of the young.
        var bytes = 0

        func hasRoom(_ more: Int) -> Bool { bytes + more + PayloadCache.overhead <= PayloadCache.limit }

        mutating func insert(_ entry: Generation.Value, _ key: Key) {
            if young.updateValue(entry, forKey: key) == nil { bytes += entry.bytes + PayloadCache.overhead }
        }
    }

    /// Bytes of JSON in a generation; values in memory are several times as large.
    private static let limit = 8 << 20
    /// What an entry costs beside its text.
    private static let overhead = 64
    private let generations = Mutex(Generations())

    /// - Parameter bytes: Of its text.
    func insert(_ payload: JSONObject, bytes: Int, _ key: Key) {
        guard bytes + Self.overhead <= Self.limit / 16 else { return }
        // What is dropped may be tens of thousands of objects: they go when nobody waits for the lock.
        let dropped = generations.withLock { generations in
            var dropped: Generation = [:]
            if !generations.hasRoom(bytes) {
                dropped = generations.old
                generations.old = generations.young
                generations.young = [:]
                generations.bytes = 0
            }
            generations.insert((payload, bytes), key)
            return dropped
        }
        withExtendedLifetime(dropped) {}
    }

    /// The payloads of all of these, in their order; nil when one is missing or they are longer than `most` bytes together.
    func payloads(_ keys: [Key], most: Int) -> [JSONObject]? {
        generations.withLock { generations in
            var payloads: [JSONObject] = []
            var bytes = 0
            for key in keys {
                var found = generations.young[key]
                if found == nil, let entry = generations.old[key] {
                    if generations.hasRoom(entry.bytes) { generations.insert(entry, key) }
                    found = entry
                }
                guard let entry = found else { return nil }
                bytes += entry.bytes
                payloads.append(entry.payload)
            }
            return bytes <= most ? payloads : nil
        }
    }
}
