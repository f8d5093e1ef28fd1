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
    }

    /// Bytes of JSON in a generation; values in memory are several times as large.
    private static let limit = 8 << 20
    /// What an entry costs beside its text.
    private static let overhead = 64
    private let generations = Mutex(Generations())

    /// - Parameter bytes: Of its text.
    func insert(_ payload: JSONObject, bytes: Int, _ key: Key) {
        generations.withLock { Self.insert((payload, bytes), key, &$0) }
    }

    private static func insert(_ entry: Generation.Value, _ key: Key, _ generations: inout Generations) {
        let cost = entry.bytes + overhead
        guard cost <= limit / 16 else { return }
        if generations.bytes + cost > limit {
            generations.old = generations.young
            generations.young = [:]
            generations.bytes = 0
        }
        if generations.young.updateValue(entry, forKey: key) == nil { generations.bytes += cost }
    }

    /// The payloads of all of these, in their order; nil when one is missing or they are longer than `most` bytes together.
    func payloads(_ keys: [Key], most: Int) -> [JSONObject]? {
        generations.withLock { generations in
            var payloads: [JSONObject] = []
            var bytes = 0
            for key in keys {
                if generations.young[key] == nil, let entry = generations.old[key] {
                    Self.insert(entry, key, &generations)
                }
                guard let entry = generations.young[key] else { return nil }
                bytes += entry.bytes
                payloads.append(entry.payload)
            }
            return bytes <= most ? payloads : nil
        }
    }
}
