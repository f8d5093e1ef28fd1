// The first few of many, in an order.

/// Keeps the first of what is offered, in room for twice as many.
struct Leading<Element> {
    private let count: Int
    private let precedes: (Element, Element) -> Bool
    private var kept: [Element] = []
    /// What others must precede to be among the first; nil while there are fewer.
    private var last: Element?

    init(_ count: Int, by precedes: @escaping (Element, Element) -> Bool) {
        self.count = max(0, count)
        self.precedes = precedes
    }

    /// - Complexity: O(log count) on average, O(1) for most of what comes after the first.
    mutating func offer(_ element: Element) {
        if count == 0 { return }
        if let last, !precedes(element, last) { return }
        kept.append(element)
        // Half of them have come since the last time.
        if kept.count / 2 >= count { cut() }
    }

    /// The first, in order; equals as they were offered.
    consuming func sorted() -> [Element] {
        cut()
        return kept
    }

    private mutating func cut() {
        kept.sort(by: precedes)
        if kept.count < count { return }
        kept.removeLast(kept.count - count)
        last = kept.last
    }
}
