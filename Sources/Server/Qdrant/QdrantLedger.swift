// What is counted of collections from request to request, for their strict mode: rates, and bytes of payload.

import Synchronization
import VectorStore

/// Counts by the collections' own names, in memory: they begin anew with the process.
final class QdrantLedger: Sendable {
    enum Kind: String {
        case read = "Read"
        case write = "Write"
    }

    /// Payloads are counted in blocks of so many bytes, as Qdrant stores them.
    static let block = 128
    /// How long payloads that were overwritten count still: the size is looked up in the database at most that often.
    private static let freshness = Duration.seconds(60)

    private struct Entry {
        var buckets: [Kind: TokenBucket] = [:]
        /// Bytes of payload when they were last looked up, and what was written since.
        var payload = 0
        /// nil before they were first.
        var lookedUp: ContinuousClock.Instant?
    }

    private let entries = Mutex<[String: Entry]>([:])

    /// A collection was made, and is empty.
    func begin(_ name: String) {
        entries.withLock { $0[name] = Entry(lookedUp: .now) }
    }

    /// A collection is gone, or became another.
    func forget(_ name: String) {
        entries.withLock { $0[name] = nil }
    }

    /// The settings of a collection have changed: its rates begin anew, and its payloads, which are counted in strict mode only, are
    /// looked up.
    func renew(_ name: String) {
        entries.withLock { entries in
            entries[name]?.buckets = [:]
            entries[name]?.lookedUp = nil
        }
    }

    // MARK: - Rates

    /// Spends tokens of a collection that has `limit` of them a minute.
    ///
    /// - Throws: `QdrantError` of status 429.
    func spend(_ tokens: Int, of limit: Int, _ kind: Kind, in name: String) throws(QdrantError) {
        let refusal = entries.withLock { entries in
            var bucket = entries[name]?.buckets[kind] ?? TokenBucket(limit: limit)
            if bucket.limit != Double(limit) { bucket = TokenBucket(limit: limit) }
            defer { entries[name, default: Entry()].buckets[kind] = bucket }
            return bucket.take(tokens, at: .now)
        }
        let what = "Rate limiting exceeded: \(kind.rawValue) rate limit exceeded"
        switch refusal {
        case nil: return
        case .tooLarge:
            throw QdrantError(
                status: 429,
                // The word twice, as Qdrant writes it: its client's tests compare the text.
                message: "\(what), request larger than than rate limiter capacity, please try to split your request")
        case .later(let seconds, let available):
            let why =
                tokens == 1
                ? ", retry later"
                : ": Operation requires \(tokens) tokens but only \(available) were available. Retry after \(seconds)s"
            throw QdrantError(status: 429, message: what + why, retryAfter: seconds)
        }
    }

    // MARK: - Payloads

    /// Payloads were written to a collection.
    func wrote(_ bytes: Int, to name: String) {
        guard bytes > 0 else { return }
        entries.withLock { $0[name, default: Entry()].payload += bytes }
    }

    /// Bytes of payload in a collection. What was overwritten or deleted counts for a minute still, as it does in Qdrant until its
    /// storage is put in order.
    ///
    /// - Complexity: when that may be more than `limit` and the minute has passed, every payload is read.
    func payloadBytes(in name: String, upTo limit: Int, _ store: EmbeddedStore) async throws(StoreError) -> Int {
        let entry = entries.withLock { $0[name] ?? Entry() }
        if let lookedUp = entry.lookedUp, entry.payload < limit || lookedUp.duration(to: .now) < Self.freshness {
            return entry.payload
        }
        let bytes = try await store.payloadBytes(in: name, block: Self.block)
        entries.withLock { entries in
            entries[name, default: Entry()].payload = bytes
            entries[name, default: Entry()].lookedUp = .now
        }
        return bytes
    }
}

/// Tokens that come back evenly within a minute, and are all there at first.
struct TokenBucket {
    let limit: Double
    private var tokens: Double
    private var checked = ContinuousClock.now

    enum Refusal: Equatable {
        /// Never: that many do not fit.
        case tooLarge
        /// When these seconds, rounded up, have passed; so many tokens there are now.
        case later(seconds: Int, available: Int)
    }

    /// - Parameter limit: Tokens a minute.
    init(limit: Int) {
        self.limit = Double(limit)
        tokens = self.limit
    }

    /// Takes tokens out, or says why not.
    mutating func take(_ count: Int, at now: ContinuousClock.Instant) -> Refusal? {
        guard Double(count) <= limit else { return .tooLarge }
        tokens = min(limit, tokens + limit / 60 * checked.duration(to: now).inSeconds)
        checked = now
        guard tokens < Double(count) else {
            tokens -= Double(count)
            return nil
        }
        let seconds = (Double(count) - tokens) / (limit / 60)
        return .later(seconds: Int(seconds.rounded(.up)), available: Int(tokens))
    }
}

extension PointOperation {
    /// Bytes of payload that it writes, in the ledger's blocks, where the points are named.
    var payloadBytes: Int {
        func bytes(_ payload: JSONObject) -> Int {
            guard !payload.isEmpty else { return 0 }
            return (JSONValue.object(payload).approximateSize + QdrantLedger.block - 1) / QdrantLedger.block
                * QdrantLedger.block
        }
        switch self {
        case .upsert(let points, _, _): return points.reduce(0) { $0 + bytes($1.payload) }
        case .setPayload(let payload, .ids(let ids), _), .overwritePayload(let payload, .ids(let ids)):
            return bytes(payload) * ids.count
        default: return 0
        }
    }
}

extension JSONValue {
    /// Bytes of its JSON, nearly: a number is taken for eight, and nothing for escaped.
    fileprivate var approximateSize: Int {
        switch self {
        case .null, .bool: 4
        case .integer, .unsigned, .double: 8
        case .string(let text): text.utf8.count + 2
        case .array(let elements): elements.reduce(2) { $0 + $1.approximateSize + 1 }
        case .object(let members): members.reduce(2) { $0 + $1.key.utf8.count + $1.value.approximateSize + 4 }
        }
    }
}
