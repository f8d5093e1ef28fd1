// Everything between the matrix products. Each kernel states its formula and its shapes; output first, sizes last.
// Arrays may be longer than their shape says; hidden and intermediate sizes are multiples of eight (EncoderConfiguration).

/// hidden[t] = word[ids[t]] + type[0] + position[t within its text].   hidden: [tokens, hiddenSize]
func embed(_ hidden: inout [Float], _ sequences: PackedSequences, _ weights: EncoderWeights) {
    let hiddenSize = weights.wordEmbeddings.shape[1]
    let vocabularySize = weights.wordEmbeddings.shape[0]
    precondition(hidden.count >= sequences.tokens * hiddenSize)
    unsafe hidden.withUnsafeMutableBufferPointer { hidden in
        let type = unsafe weights.typeEmbeddings.elements.baseAddress!
        for sequence in 0..<sequences.count {
            let range = sequences[sequence]
            precondition(range.count <= weights.positionEmbeddings.shape[0])
            for token in range {
                let id = Int(sequences.ids[token])
                precondition(id >= 0 && id < vocabularySize)
                let row = unsafe hidden.baseAddress! + token * hiddenSize
                let word = unsafe weights.wordEmbeddings.elements.baseAddress! + id * hiddenSize
                let position =
                    unsafe weights.positionEmbeddings.elements.baseAddress!
                    + (token - range.lowerBound) * hiddenSize
                for i in stride(from: 0, to: hiddenSize, by: Lanes.scalarCount) {
                    unsafe row.setLanes(word.lanes(at: i) + type.lanes(at: i) + position.lanes(at: i), at: i)
                }
            }
        }
    }
}

/// y += x.   y, x: [count]
func add(_ y: inout [Float], _ x: [Float], count: Int) {
    precondition(y.count >= count && x.count >= count && count % Lanes.scalarCount == 0)
    unsafe x.withUnsafeBufferPointer { x in
        unsafe y.withUnsafeMutableBufferPointer { y in
            guard let x = x.baseAddress, let y = y.baseAddress else { return }
            for i in stride(from: 0, to: count, by: Lanes.scalarCount) {
                unsafe y.setLanes(y.lanes(at: i) + x.lanes(at: i), at: i)
            }
        }
    }
}

/// x = (x - mean) / √(variance + ε) · weight + bias, row by row (Ba et al. 2016).   x: [rows, hiddenSize]
func layerNorm(_ x: inout [Float], _ parameters: LayerNormParameters, epsilon: Float, rows: Int) {
    let size = parameters.weight.count
    precondition(x.count >= rows * size && parameters.bias.count == size && size % Lanes.scalarCount == 0)
    unsafe x.withUnsafeMutableBufferPointer { x in
        let weight = unsafe parameters.weight.elements.baseAddress!
        let bias = unsafe parameters.bias.elements.baseAddress!
        for row in 0..<rows {
            let x = unsafe x.baseAddress! + row * size
            var sum = Lanes.zero
            for i in stride(from: 0, to: size, by: Lanes.scalarCount) { unsafe sum += x.lanes(at: i) }
            let mean = Lanes(repeating: sum.sum() / Float(size))
            // Around the mean, not from the squares: the difference of two large sums would lose digits.
            var squares = Lanes.zero
            for i in stride(from: 0, to: size, by: Lanes.scalarCount) {
                let centred = unsafe x.lanes(at: i) - mean
                squares = multiplyAdd(centred, centred, squares)
            }
            let scale = Lanes(repeating: 1 / (squares.sum() / Float(size) + epsilon).squareRoot())
            for i in stride(from: 0, to: size, by: Lanes.scalarCount) {
                let normal = unsafe (x.lanes(at: i) - mean) * scale
                unsafe x.setLanes(multiplyAdd(normal, weight.lanes(at: i), bias.lanes(at: i)), at: i)
            }
        }
    }
}

/// x = x · Φ(x), Φ the normal distribution function: the exact GELU (Hendrycks & Gimpel 2016), to 1.5e-8 and 3 roundings.   x: [count]
///
/// With t = |x|:   x · Φ(x) = ½ (x + t - t · erfc(t / √2)). Where x < 0, x + t is zero and nothing cancels.
func gelu(_ x: inout [Float], count: Int) {
    precondition(x.count >= count && count % Lanes.scalarCount == 0)
    unsafe x.withUnsafeMutableBufferPointer { x in
        guard let x = x.baseAddress else { return }
        for i in stride(from: 0, to: count, by: Lanes.scalarCount) {
            let value = unsafe x.lanes(at: i)
            let t = value.replacing(with: -value, where: value .< 0)
            unsafe x.setLanes(0.5 * (value + t - t * complementaryError(t)), at: i)
        }
    }
}

/// x = eˣ / Σ eˣ, row by row.   x: [rows, columns], rows `leading` apart, a multiple of eight; what is between is zeroed
func softmax(_ x: UnsafeMutableBufferPointer<Float>, rows: Int, columns: Int, leading: Int) {
    precondition(x.count >= rows * leading && columns <= leading && leading % Lanes.scalarCount == 0)
    for row in 0..<rows {
        let x = unsafe x.baseAddress! + row * leading
        for i in columns..<leading { unsafe x[i] = -.infinity }
        var maximum = Lanes(repeating: -.infinity)
        for i in stride(from: 0, to: leading, by: Lanes.scalarCount) {
            let value = unsafe x.lanes(at: i)
            maximum.replace(with: value, where: value .> maximum)
        }
        // Subtracting the largest keeps every exponential within 0...1.
        let shift = Lanes(repeating: maximum.max())
        var sum = Lanes.zero
        for i in stride(from: 0, to: leading, by: Lanes.scalarCount) {
            let value = exponential(unsafe x.lanes(at: i) - shift)
            sum += value
            unsafe x.setLanes(value, at: i)
        }
        let scale = Lanes(repeating: 1 / sum.sum())
        for i in stride(from: 0, to: leading, by: Lanes.scalarCount) {
            unsafe x.setLanes(x.lanes(at: i) * scale, at: i)
        }
    }
}

/// context = softmax(Q · Kᵀ / √headSize) · V, for each head of each text (Vaswani et al. 2017, eq. 1).
///
/// queryKeyValue: [tokens, 3 * heads * headSize], the queries of all heads, then the keys, then the values
/// context: [tokens, heads * headSize]   scores: [longest text, the same rounded up to lanes]
func attention(
    _ context: inout [Float], _ queryKeyValue: [Float], scores: inout [Float], _ sequences: PackedSequences,
    heads: Int, headSize: Int
) {
    let hiddenSize = heads * headSize
    precondition(
        queryKeyValue.count >= sequences.tokens * 3 * hiddenSize && context.count >= sequences.tokens * hiddenSize)
    let scale = 1 / Float(headSize).squareRoot()
    unsafe queryKeyValue.withUnsafeBufferPointer { queryKeyValue in
        unsafe context.withUnsafeMutableBufferPointer { context in
            unsafe scores.withUnsafeMutableBufferPointer { scores in
                for sequence in 0..<sequences.count {
                    let tokens = sequences[sequence]
                    let length = tokens.count
                    let leading = roundedUpToLanes(length)
                    precondition(scores.count >= length * leading)
                    for head in 0..<heads {
                        let query =
                            unsafe queryKeyValue.baseAddress! + tokens.lowerBound * 3 * hiddenSize + head * headSize
                        let result = unsafe context.baseAddress! + tokens.lowerBound * hiddenSize + head * headSize
                        unsafe gemm(
                            scores.baseAddress!, leading: leading, query, leading: 3 * hiddenSize,
                            transposed: query + hiddenSize, leading: 3 * hiddenSize,
                            rows: length, columns: length, inner: headSize, scale: scale)
                        unsafe softmax(scores, rows: length, columns: length, leading: leading)
                        unsafe gemm(
                            result, leading: hiddenSize, scores.baseAddress!, leading: leading,
                            query + 2 * hiddenSize, leading: 3 * hiddenSize,
                            rows: length, columns: headSize, inner: length)
                    }
                }
            }
        }
    }
}

/// vectors[s] = mean of the text's hidden states.   vectors: [texts, hiddenSize]   hidden: [tokens, hiddenSize]
func meanPool(_ vectors: inout [Float], _ hidden: [Float], _ sequences: PackedSequences, hiddenSize: Int) {
    precondition(vectors.count >= sequences.count * hiddenSize && hidden.count >= sequences.tokens * hiddenSize)
    unsafe hidden.withUnsafeBufferPointer { hidden in
        unsafe vectors.withUnsafeMutableBufferPointer { vectors in
            for sequence in 0..<sequences.count {
                let tokens = sequences[sequence]
                let share = Lanes(repeating: 1 / Float(tokens.count))
                for i in stride(from: 0, to: hiddenSize, by: Lanes.scalarCount) {
                    var sum = Lanes.zero
                    for token in tokens { unsafe sum += (hidden.baseAddress! + token * hiddenSize).lanes(at: i) }
                    unsafe (vectors.baseAddress! + sequence * hiddenSize).setLanes(sum * share, at: i)
                }
            }
        }
    }
}

/// vectors[s] = the hidden state of the text's first token, `[CLS]`.   Shapes as `meanPool`.
func clsPool(_ vectors: inout [Float], _ hidden: [Float], _ sequences: PackedSequences, hiddenSize: Int) {
    for sequence in 0..<sequences.count {
        let first = sequences[sequence].lowerBound * hiddenSize
        vectors.replaceSubrange(
            sequence * hiddenSize..<(sequence + 1) * hiddenSize, with: hidden[first..<first + hiddenSize])
    }
}

/// x = x / max(‖x‖₂, 1e-12), row by row: PyTorch's `normalize`.   x: [rows, hiddenSize]
func normalize(_ x: inout [Float], rows: Int, hiddenSize: Int) {
    precondition(x.count >= rows * hiddenSize && hiddenSize % Lanes.scalarCount == 0)
    unsafe x.withUnsafeMutableBufferPointer { x in
        for row in 0..<rows {
            let x = unsafe x.baseAddress! + row * hiddenSize
            var squares = Lanes.zero
            for i in stride(from: 0, to: hiddenSize, by: Lanes.scalarCount) {
                squares = unsafe multiplyAdd(x.lanes(at: i), x.lanes(at: i), squares)
            }
            let scale = Lanes(repeating: 1 / max(squares.sum().squareRoot(), 1e-12))
            for i in stride(from: 0, to: hiddenSize, by: Lanes.scalarCount) {
                unsafe x.setLanes(x.lanes(at: i) * scale, at: i)
            }
        }
    }
}
