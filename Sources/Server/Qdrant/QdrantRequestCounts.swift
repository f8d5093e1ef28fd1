// How many answers each route gave, and how long they took.

import Foundation
import Hummingbird
import Synchronization
import VectorStore

/// Answers of one status by one route.
struct QdrantRequestCount: Sendable {
    /// Upper bounds of the histogram's buckets, in seconds: Qdrant's.
    static let bounds = [0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 10, 50]

    private(set) var count = 0
    /// In seconds.
    private(set) var shortest = Double.infinity
    private(set) var longest = 0.0
    private(set) var total = 0.0
    private(set) var last = Date.distantPast
    /// How many took at most each of the bounds and more than the one before.
    private(set) var buckets = Array(repeating: 0, count: bounds.count)

    mutating func add(_ seconds: Double, at date: Date) {
        count += 1
        shortest = min(shortest, seconds)
        longest = max(longest, seconds)
        total += seconds
        last = max(last, date)
        if let bucket = Self.bounds.firstIndex(where: { seconds <= $0 }) { buckets[bucket] += 1 }
    }

    /// In seconds.
    var average: Double { count == 0 ? 0 : total / Double(count) }
}

/// The answers of one route: of all together, and of each collection. A lock of its own, held for a few additions.
final class QdrantRouteCounts: Sendable {
    typealias Counts = (all: [Int: QdrantRequestCount], byCollection: [String: [Int: QdrantRequestCount]])

    let method: String
    /// `/collections/{collection_name}/points`
    let path: String
    private let counts = Mutex<Counts>(([:], [:]))

    init(_ route: Route) {
        method = route.method.rawValue
        path = route.path.replacing("{collection}", with: "{collection_name}")
    }

    /// - Parameter collection: Whose successes are counted apart; names that fail are anyone's invention.
    func add(_ status: Int, of collection: String?, since begin: ContinuousClock.Instant) {
        let seconds = begin.duration(to: .now).inSeconds
        let date = Date.now
        counts.withLock { counts in
            counts.all[status, default: QdrantRequestCount()].add(seconds, at: date)
            if let collection, status < 300 {
                counts.byCollection[collection, default: [:]][status, default: QdrantRequestCount()]
                    .add(seconds, at: date)
            }
        }
    }

    var current: Counts { counts.withLock { $0 } }

    /// A collection is gone.
    func forget(_ collection: String) { counts.withLock { $0.byCollection[collection] = nil } }
}

/// The counts of all routes of an API.
final class QdrantRequestCounts: Sendable {
    private let routes = Mutex<[QdrantRouteCounts]>([])

    var current: [QdrantRouteCounts] { routes.withLock { $0 } }

    /// A collection is gone, and its own counts with it.
    func forget(_ collection: String) {
        for route in current { route.forget(collection) }
    }

    /// The route, which counts its answers from here on.
    func counting(_ route: Route) -> Route {
        let counts = QdrantRouteCounts(route)
        routes.withLock { $0.append(counts) }
        // Whether a collection exists may be asked of any name.
        let isOfCollection = route.path.hasPrefix("/collections/{collection}/") && !route.path.hasSuffix("/exists")
        return route.handled { call in
            let collection = isOfCollection ? call.parameter : nil
            do {
                let response = try await route.handler(&call)
                counts.add(response.status.code, of: collection, since: call.begin)
                return response
            } catch {
                counts.add(ErrorAnswer(error)?.status.code ?? 500, of: collection, since: call.begin)
                throw error
            }
        }
    }
}
