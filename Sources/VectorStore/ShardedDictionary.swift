// A dictionary whose copies share what has not changed since.

/// A dictionary in parts. Readers keep copies of a collection's state while the writer goes on; a plain dictionary of a
/// million keys would be copied whole at the first change after, this one by the thousand keys of a part.
struct ShardedDictionary<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private static var shardCount: Int { 512 }
    private var shards: [[Key: Value]] = Array(repeating: [:], count: shardCount)
    private(set) var count = 0

    private static func shard(_ key: Key) -> Int {
        // Other bits than those that choose the place inside the shard.
        Int(truncatingIfNeeded: UInt(bitPattern: key.hashValue) >> 48) % shardCount
    }

    subscript(key: Key) -> Value? { shards[Self.shard(key)][key] }

    /// Changes the value of a key, starting from `initial`; the key goes when `body` leaves nil.
    mutating func update(_ key: Key, initial: @autoclosure () -> Value, _ body: (inout Value) -> Bool) {
        let shard = Self.shard(key)
        var value = shards[shard].removeValue(forKey: key)
        if value == nil {
            value = initial()
            count += 1
        }
        guard var kept = value.take() else { return }
        if body(&kept) {
            shards[shard][key] = kept
        } else {
            count -= 1
            shards[shard].giveBack()
        }
    }

    /// Bytes of the heap, estimated.
    ///
    /// - Parameter bytes: What a key and its value have there.
    func byteCount(_ bytes: (Key, Value) -> Int) -> Int {
        var sum = shards.reduce(HeapBytes.of(shards)) { $0 + HeapBytes.of($1) }
        forEach { sum += bytes($0, $1) }
        return sum
    }

    /// - Throws: what `body` does.
    func forEach<Failure>(_ body: (Key, Value) throws(Failure) -> Void) throws(Failure) {
        for shard in shards { for (key, value) in shard { try body(key, value) } }
    }
}
