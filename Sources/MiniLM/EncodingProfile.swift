// Where the time of encoding goes: slices are computed as by `encode`, with a clock in every thread, but texts are tokenised on
// one thread, and a slice is never shared.

import Synchronization

/// What encoding some texts took.
package struct EncodingProfile: Sendable {
    /// Real tokens, and the arithmetic of their matrix products and attention.
    package let tokens: Int
    package let operations: Double
    /// Of the whole call.
    package let seconds: Double
    /// Of all threads together.
    package let threadSeconds: [Stage: Double]
    package let tokenizing: Double
    /// Of all threads together: what is not in a stage.
    package let idle: Double
    /// Operations of the stages that multiply.
    package let stageOperations: [Stage: Double]
}

extension SentenceEncoder {
    /// Bytes of the layers' weights, which every pass streams.
    package var weightBytes: Int {
        model.weights.layers.flatMap(\.linears).reduce(0) { unsafe $0 + $1.memory.count }
    }

    /// Operations of encoding texts of these lengths in tokens, by stage; a multiply-add is two.
    package func operations(lengths: [Int]) -> [Stage: Double] {
        let configuration = model.configuration
        let (hidden, intermediate) = (Double(configuration.hiddenSize), Double(configuration.intermediateSize))
        let tokens = Double(lengths.reduce(0, +)) * Double(configuration.hiddenLayers)
        let pairs = lengths.reduce(0.0) { $0 + Double($1 * $1) } * Double(configuration.hiddenLayers)
        return [
            .queryKeyValue: tokens * 2 * 3 * hidden * hidden,
            .attention: pairs * 4 * hidden,
            .attentionOutput: tokens * 2 * hidden * hidden,
            .intermediate: tokens * 2 * hidden * intermediate,
            .output: tokens * 2 * hidden * intermediate,
        ]
    }

    /// Encodes texts and says where the time went. GELU is a pass of its own here, so that it can be told from its product;
    /// in `encode` it is part of it.
    package func profile(_ texts: [String]) -> EncodingProfile {
        let begin = ContinuousClock.now
        let inputs = texts.map { tokenizer.tokenize($0, maxTokens: maxTokens).ids }
        let tokenized = ContinuousClock.now
        let lengths = inputs.map(\.count)
        let slices = SlicePlan(lengths: lengths, workers: threads, capacity: sliceCapacity).slices
        let totals = Totals()
        let model = model
        workers.run(slices.count) { slice, worker in
            let texts = slices[slice]
            worker.activations.begin(count: texts.count) { inputs[texts[texts.startIndex + $0]] }
            worker.workspace.clock = StageClock()
            model.forward(worker.activations, &worker.workspace)
            let vector = AlignedBuffer<Float>(count: model.configuration.hiddenSize, zero: 0)
            for sequence in 0..<slices[slice].count {
                unsafe model.pool(vector.start, worker.activations, sequence: sequence)
            }
            worker.workspace.clock?.end(.pooling)
            let seconds = worker.workspace.clock?.seconds ?? [:]
            worker.workspace.clock = nil
            totals.seconds.withLock { $0.merge(seconds, uniquingKeysWith: +) }
        }
        let seconds = (ContinuousClock.now - begin) / .seconds(1)
        let tokenizing = (tokenized - begin) / .seconds(1)
        let stages = totals.seconds.withLock(\.self)
        let operations = operations(lengths: lengths)
        return EncodingProfile(
            tokens: lengths.reduce(0, +), operations: operations.values.reduce(0, +), seconds: seconds,
            threadSeconds: stages, tokenizing: tokenizing,
            idle: (seconds - tokenizing) * Double(threads) - stages.values.reduce(0, +), stageOperations: operations)
    }

    private final class Totals: Sendable {
        let seconds = Mutex<[Stage: Double]>([:])
    }
}
