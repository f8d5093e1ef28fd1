// Whether eight bits an element are enough: asked of a sample before a graph is built.

extension HNSWConfiguration {
    /// Vectors that a sample should have.
    public static let sampleCount = 256

    /// This configuration, walked by floats where codes would not tell vectors like those of a sample apart.
    ///
    /// All elements of a vector share one scale. Where one is a hundred times as large as the others, as of features that were never
    /// scaled, these are rounded away, and a search finds what is near by that one alone. Codes are enough when, for most of the sample,
    /// their error (`Graph.deviation`) is less than what lies between the nearest and the tenth nearest other vector.
    ///
    /// - Parameter sample: [rows, dimension], row-major, of the vectors to come; what they are among fewer than 32 is not told.
    /// - Complexity: O(rows² · dimension): some ten milliseconds for 256 of 384.
    public func suited(to sample: Span<Float>) -> HNSWConfiguration {
        let rows = sample.count / max(1, dimension)
        guard codes == .int8, distance != .manhattan, rows >= 32 else { return self }
        let places = (0..<rows).map { $0 * dimension..<($0 + 1) * dimension }
        let steps = places.map { step(of: sample.extracting($0)) }
        let norms = places.map { Distance.dot.score(sample.extracting($0), sample.extracting($0)) }
        let blurred = places.indices.count { row in
            let own = sample.extracting(places[row])
            var others: [(distance: Float, row: Int)] = []
            for other in places.indices {
                let vector = sample.extracting(places[other])
                // The same vector is no neighbour, however often it is there.
                if own.indices.allSatisfy({ own[$0] == vector[$0] }) { continue }
                others.append((ordering(distance.score(own, vector)), other))
            }
            guard others.count >= 10 else { return false }
            others.sort { $0.distance < $1.distance }
            let tenth = others[9].row
            let variance = (norms[row] * steps[tenth] * steps[tenth] + norms[tenth] * steps[row] * steps[row]) / 12
            return variance.squareRoot() * (distance == .euclid ? 2 : 1) > others[9].distance - others[0].distance
        }
        var configuration = self
        if blurred * 2 > rows { configuration.codes = .float32 }
        return configuration
    }

    /// A score as what the walk orders by: of Euclid the square, of products their negative.
    private func ordering(_ score: Float) -> Float { distance == .euclid ? score * score : -score }

    /// What one more in a code stands for: of the high halves, where they are what is walked by, sixteen times as much.
    private func step(of vector: Span<Float>) -> Float {
        var largest: Float = 0
        for index in vector.indices { largest = max(largest, abs(vector[index])) }
        let isHalved = distance.greaterIsNearer && dimension >= Graph.leastHalvedDimension
        return largest / 127 * (isHalved ? 16 : 1)
    }
}
