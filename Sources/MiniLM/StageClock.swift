// Where a pass spends its time.

/// The stages of encoding whose time is told apart.
package enum Stage: String, CaseIterable, Sendable {
    case embedding, queryKeyValue, attention, attentionOutput, intermediate, gelu, output, layerNorm, pooling
}

/// Adds up the time of each stage. A stage lasts from the end of the one before it.
struct StageClock: Sendable {
    private(set) var seconds: [Stage: Double] = [:]
    private var last: ContinuousClock.Instant?

    /// The next stage begins now.
    mutating func start() { last = .now }

    /// The stage under way ends now.
    mutating func end(_ stage: Stage) {
        let now = ContinuousClock.now
        if let last { seconds[stage, default: 0] += (now - last) / .seconds(1) }
        last = now
    }
}
