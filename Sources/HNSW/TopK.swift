// The best k of many.

/// A found vector: its row and its score.
public struct Neighbour: Sendable, Equatable {
    public var row: Int
    public var score: Float

    public init(row: Int, score: Float) {
        self.row = row
        self.score = score
    }
}

/// Keeps the `capacity` nearest of the neighbours it is offered: a binary heap with the worst on top.
///
/// Equal scores are ordered by row, lower first, so that results do not depend on the order of offers.
public struct TopK: Sendable {
    private let distance: Distance
    private let capacity: Int
    private var heap: [Neighbour] = []

    public init(_ capacity: Int, _ distance: Distance) {
        self.capacity = max(0, capacity)
        self.distance = distance
    }

    /// Whether `a` belongs before `b` in the result.
    private func precedes(_ a: Neighbour, _ b: Neighbour) -> Bool {
        if distance.isNearer(a.score, than: b.score) { return true }
        if distance.isNearer(b.score, than: a.score) { return false }
        return a.row < b.row
    }

    /// - Complexity: O(log capacity); O(1) for what is worse than everything kept.
    public mutating func offer(_ neighbour: Neighbour) {
        if heap.count < capacity {
            heap.append(neighbour)
            siftUp(heap.count - 1)
        } else if let worst = heap.first, precedes(neighbour, worst) {
            heap[0] = neighbour
            siftDown(0)
        }
    }

    /// Everything kept, nearest first.
    public consuming func sorted() -> [Neighbour] { heap.sorted(by: precedes) }

    private mutating func siftUp(_ index: Int) {
        var child = index
        while child > 0 {
            let parent = (child - 1) / 2
            guard precedes(heap[parent], heap[child]) else { return }
            heap.swapAt(parent, child)
            child = parent
        }
    }

    private mutating func siftDown(_ index: Int) {
        var parent = index
        while true {
            var worst = parent
            for child in (2 * parent + 1)...(2 * parent + 2)
            where child < heap.count && precedes(heap[worst], heap[child]) {
                worst = child
            }
            if worst == parent { return }
            heap.swapAt(parent, worst)
            parent = worst
        }
    }
}
