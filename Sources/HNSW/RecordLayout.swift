// What a configuration makes of memory: sizes that an index, its file and their checks must agree about.

/// Bytes of a node.
struct RecordLayout: Equatable {
    let isCoded: Bool
    let walksByHalves: Bool
    /// Of a record: the links of layer 0, whole cache lines.
    let linkBytes: Int
    /// And the vector, as the traversal sees it.
    let vectorBytes: Int

    var stride: Int { linkBytes + vectorBytes }

    /// - Parameter configuration: Valid.
    init(_ configuration: HNSWConfiguration) {
        isCoded = configuration.codes == .int8 && configuration.distance != .manhattan
        walksByHalves =
            isCoded && configuration.distance.greaterIsNearer && configuration.dimension >= Graph.leastHalvedDimension
        linkBytes = (8 * configuration.M + 63) / 64 * 64
        vectorBytes = Graph.vectorBytes(dimension: configuration.dimension, isCoded: isCoded)
    }
}
