// Everything between the matrix products. Each kernel states its formula and its shapes; output first, sizes last.
// Hidden and intermediate sizes are multiples of eight (EncoderConfiguration), rows are dense.

import CIntrinsics

/// hidden[t] = word[ids[t]] + type[0] + position[t within its text], for the tokens `rows`.   hidden: [tokens, hiddenSize]
func embed(
    _ hidden: UnsafeMutablePointer<Float>, _ sequences: PackedSequences, rows: Range<Int>, _ weights: EncoderWeights
) {
    let hiddenSize = weights.wordEmbeddings.shape[1]
    let vocabularySize = weights.wordEmbeddings.shape[0]
    let type = unsafe weights.typeEmbeddings.elements.baseAddress!
    for sequence in 0..<sequences.count {
        let text = sequences[sequence]
        precondition(text.count <= weights.positionEmbeddings.shape[0])
        for token in text.clamped(to: rows) {
            let id = Int(sequences.ids[token])
            precondition(id >= 0 && id < vocabularySize)
            let row = unsafe hidden + token * hiddenSize
            let word = unsafe weights.wordEmbeddings.elements.baseAddress! + id * hiddenSize
            let position =
                unsafe weights.positionEmbeddings.elements.baseAddress! + (token - text.lowerBound) * hiddenSize
            for i in stride(from: 0, to: hiddenSize, by: Lanes.scalarCount) {
                unsafe row.setLanes(word.lanes(at: i) + type.lanes(at: i) + position.lanes(at: i), at: i)
            }
        }
    }
}

/// y += x.   y, x: [count], of any count
func add(_ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, count: Int) {
    let whole = count - count % Lanes.scalarCount
    for i in stride(from: 0, to: whole, by: Lanes.scalarCount) {
        unsafe y.setLanes(y.lanes(at: i) + x.lanes(at: i), at: i)
    }
    for i in whole..<count { unsafe y[i] += x[i] }
}

/// x = (x - mean) / √(variance + ε) · weight + bias, row by row (Ba et al. 2016).   x: [rows, hiddenSize]
func layerNorm(
    _ x: UnsafeMutablePointer<Float>, _ parameters: LayerNormParameters, epsilon: Float, rows: Range<Int>
) {
    let size = parameters.weight.count
    precondition(parameters.bias.count == size && size % Lanes.scalarCount == 0)
    let weight = unsafe parameters.weight.elements.baseAddress!
    let bias = unsafe parameters.bias.elements.baseAddress!
    for row in rows {
        let x = unsafe x + row * size
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

/// x = x · Φ(x), Φ the normal distribution function: the exact GELU (Hendrycks & Gimpel 2016), to 1.5e-8 and 3 roundings.   x: [count]
///
/// With t = |x|:   x · Φ(x) = ½ (x + t - t · erfc(t / √2)). Where x < 0, x + t is zero and nothing cancels.
func gelu(_ x: UnsafeMutablePointer<Float>, count: Int) {
    for i in stride(from: 0, to: count, by: WideLanes.scalarCount) {
        let value = unsafe x.wideLanes(at: i, of: count, filler: 0)
        let t = cintrinsics_abs16(value)
        unsafe x.setWideLanes(0.5 * (value + t - t * complementaryError(t)), at: i, of: count)
    }
}

/// x = e to the x - max(x), and zeros up to `padded`, a multiple of eight. Gives the sum.   x: [padded], `count` of them given
func exponentials(_ x: UnsafeMutablePointer<Float>, count: Int, padded: Int) -> Float {
    for i in count..<padded { unsafe x[i] = -.infinity }
    var maximum = WideLanes(repeating: -.infinity)
    for i in stride(from: 0, to: padded, by: WideLanes.scalarCount) {
        maximum = unsafe cintrinsics_max16(x.wideLanes(at: i, of: padded, filler: -.infinity), maximum)
    }
    // Subtracting the largest keeps every exponential within 0...1.
    let shift = WideLanes(repeating: cintrinsics_largest16(maximum))
    var sum = WideLanes.zero
    for i in stride(from: 0, to: padded, by: WideLanes.scalarCount) {
        let value = exponential(unsafe x.wideLanes(at: i, of: padded, filler: -.infinity) - shift)
        sum += value
        unsafe x.setWideLanes(value, at: i, of: padded)
    }
    // The padding's e⁻⁸⁷ each are nothing to a sum of at least 1.
    for i in count..<padded { unsafe x[i] = 0 }
    return sum.sum()
}

/// context = softmax(Q · Kᵀ / √headSize) · V, for each head of each text (Vaswani et al. 2017, eq. 1), for the queries `rows`.
///
/// queryKeyValue: [tokens, 3 * heads * headSize], the queries of all heads, already scaled, then the keys, then the values
/// context: [tokens, heads * headSize]
func attention(
    _ context: UnsafeMutablePointer<Float>, _ queryKeyValue: UnsafePointer<Float>, _ sequences: PackedSequences,
    rows: Range<Int>, heads: Range<Int>, hiddenSize: Int, headSize: Int, _ workspace: borrowing Workspace,
    shape: TileShape = .native
) {
    let leading = 3 * hiddenSize
    let panel = shape.headColumns
    for sequence in 0..<sequences.count {
        let tokens = sequences[sequence]
        let queries = tokens.clamped(to: rows)
        if queries.isEmpty { continue }
        for head in heads {
            let first = unsafe queryKeyValue + tokens.lowerBound * leading + head * headSize
            unsafe packColumns(
                workspace.keys.start, first + hiddenSize, leading: leading, rows: tokens.count, columns: headSize,
                panel: panel)
            unsafe packRows(
                workspace.values.start, first + 2 * hiddenSize, leading: leading, rows: tokens.count,
                columns: headSize, panel: panel)
            unsafe HeadAttention(
                queries: queryKeyValue + queries.lowerBound * leading + head * headSize, leadingQueries: leading,
                keys: workspace.keys.start, values: workspace.values.start,
                context: context + queries.lowerBound * hiddenSize + head * headSize, leadingContext: hiddenSize,
                scores: workspace.scores.start, length: tokens.count, headSize: headSize
            ).run(shape, rows: queries.count)
        }
    }
}

/// Lays rows out as the columns of panels.   x: [rows, columns]   panels: [⌈rows / panel⌉][columns][panel]
///
/// What is beyond the last row is left as it was.
private func packColumns(
    _ panels: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, leading: Int, rows: Int, columns: Int,
    panel: Int
) {
    for row in 0..<rows {
        let x = unsafe x + row * leading
        let column = unsafe panels + row / panel * panel * columns + row % panel
        for i in 0..<columns { unsafe column[i &* panel] = x[i] }
    }
}

/// Cuts rows into panels of columns.   x: [rows, columns]   panels: [⌈columns / panel⌉][rows][panel]
private func packRows(
    _ panels: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, leading: Int, rows: Int, columns: Int,
    panel: Int
) {
    for first in stride(from: 0, to: columns, by: panel) {
        let width = min(panel, columns - first)
        for row in 0..<rows {
            let target = unsafe panels + first * rows + row * panel
            unsafe target.update(from: x + row * leading + first, count: width)
        }
    }
}

/// integers = x / scale, rounded, with scale = max|x| / limit, row by row.   x: [rows, columns]
///
/// integers: [rows, columns] of 16 bits, two in an element   scales: [rows]
func quantizeRows(
    _ integers: UnsafeMutablePointer<Int32>, scales: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, rows: Int,
    columns: Int, limit: Float
) {
    // Adding 1.5 · 2²³ rounds to an integer and leaves it in the low bits of the sum.
    let shifter = Lanes(repeating: 0x1.8p23)
    for row in 0..<rows {
        let x = unsafe x + row * columns
        var largest = Lanes.zero
        for i in stride(from: 0, to: columns, by: Lanes.scalarCount) {
            largest = unsafe cintrinsics_max8(cintrinsics_abs8(x.lanes(at: i)), largest)
        }
        let maximum = cintrinsics_largest8(largest)
        unsafe scales[row] = maximum / limit
        let factor = Lanes(repeating: maximum > 0 ? limit / maximum : 0)
        let target = unsafe UnsafeMutableRawPointer(integers + row * columns / 2)
        for i in stride(from: 0, to: columns, by: Lanes.scalarCount) {
            let shifted = unsafe multiplyAdd(x.lanes(at: i), factor, shifter)
            let halves = unsafe unsafeBitCast(shifted, to: SIMD16<Int16>.self).evenHalf
            unsafe target.storeBytes(of: halves, toByteOffset: 2 * i, as: SIMD8<Int16>.self)
        }
    }
}

/// vector = mean of a text's hidden states, or the first, `[CLS]`.   vector: [hiddenSize]   hidden: [tokens, hiddenSize]
func pool(
    _ vector: UnsafeMutablePointer<Float>, _ hidden: UnsafePointer<Float>, tokens: Range<Int>, hiddenSize: Int,
    _ pooling: Pooling
) {
    switch pooling {
    case .cls: unsafe vector.update(from: hidden + tokens.lowerBound * hiddenSize, count: hiddenSize)
    case .mean:
        let share = Lanes(repeating: 1 / Float(tokens.count))
        for i in stride(from: 0, to: hiddenSize, by: Lanes.scalarCount) {
            var sum = Lanes.zero
            for token in tokens { unsafe sum += (hidden + token * hiddenSize).lanes(at: i) }
            unsafe vector.setLanes(sum * share, at: i)
        }
    }
}

/// x = x / max(‖x‖₂, 1e-12): PyTorch's `normalize`.   x: [count]
func normalize(_ x: UnsafeMutablePointer<Float>, count: Int) {
    var squares = Lanes.zero
    for i in stride(from: 0, to: count, by: Lanes.scalarCount) {
        squares = unsafe multiplyAdd(x.lanes(at: i), x.lanes(at: i), squares)
    }
    let scale = Lanes(repeating: 1 / max(squares.sum().squareRoot(), 1e-12))
    for i in stride(from: 0, to: count, by: Lanes.scalarCount) { unsafe x.setLanes(x.lanes(at: i) * scale, at: i) }
}
