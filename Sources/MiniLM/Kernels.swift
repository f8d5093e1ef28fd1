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
        let mean = unsafe sum(x, count: size) / Float(size)
        // Around the mean, not from the squares: the difference of two large sums would lose digits.
        let variance = unsafe sumOfSquares(x, around: mean, count: size) / Float(size)
        let scale = Lanes(repeating: 1 / (variance + epsilon).squareRoot())
        let centre = Lanes(repeating: mean)
        for i in stride(from: 0, to: size, by: Lanes.scalarCount) {
            let normal = unsafe (x.lanes(at: i) - centre) * scale
            unsafe x.setLanes(multiplyAdd(normal, weight.lanes(at: i), bias.lanes(at: i)), at: i)
        }
    }
}

/// Σ x.   x: [count], a multiple of eight
///
/// Two sums side by side, here and below, because an addition takes as long as four of them could begin.
private func sum(_ x: UnsafePointer<Float>, count: Int) -> Float {
    let step = WideLanes.scalarCount
    var (even, odd) = (WideLanes.zero, WideLanes.zero)
    var i = 0
    while i + 2 * step <= count {
        unsafe even += x.wideLanes(at: i)
        unsafe odd += x.wideLanes(at: i + step)
        i += 2 * step
    }
    var rest = Lanes.zero
    while i < count {
        unsafe rest += x.lanes(at: i)
        i += Lanes.scalarCount
    }
    return cintrinsics_sum16(even + odd) + cintrinsics_sum8(rest)
}

/// Σ (x - mean)².   x: [count], a multiple of eight
private func sumOfSquares(_ x: UnsafePointer<Float>, around mean: Float, count: Int) -> Float {
    let step = WideLanes.scalarCount
    let centre = WideLanes(repeating: mean)
    var (even, odd) = (WideLanes.zero, WideLanes.zero)
    var i = 0
    while i + 2 * step <= count {
        let (first, second) = unsafe (x.wideLanes(at: i) - centre, x.wideLanes(at: i + step) - centre)
        even = multiplyAdd(first, first, even)
        odd = multiplyAdd(second, second, odd)
        i += 2 * step
    }
    var rest = Lanes.zero
    while i < count {
        let last = unsafe x.lanes(at: i) - centre.lowHalf
        rest = multiplyAdd(last, last, rest)
        i += Lanes.scalarCount
    }
    return cintrinsics_sum16(even + odd) + cintrinsics_sum8(rest)
}

/// x = x · Φ(x), Φ the normal distribution function: the exact GELU (Hendrycks & Gimpel 2016), to 1.5e-8 and 3 roundings.   x: [count]
///
/// With t = |x|:   x · Φ(x) = ½ (x + t - t · erfc(t / √2)). Where x < 0, x + t is zero and nothing cancels.
func gelu(_ x: UnsafeMutablePointer<Float>, count: Int) {
    let whole = count / WideLanes.scalarCount * WideLanes.scalarCount
    for i in stride(from: 0, to: whole, by: WideLanes.scalarCount) {
        unsafe x.setWideLanes(gelu(x.wideLanes(at: i)), at: i)
    }
    if whole < count {
        unsafe x.setLanes(gelu(WideLanes(lowHalf: x.lanes(at: whole), highHalf: .zero)).lowHalf, at: whole)
    }
}

/// The same for sixteen.
@inline(__always)
private func gelu(_ x: WideLanes) -> WideLanes {
    let t = cintrinsics_abs16(x)
    return 0.5 * (x + t - t * complementaryError(t))
}

/// x = 2 to the x - maximum, and zeros behind `count`, at least 1, up to a multiple of sixteen. Gives the sum.
///
/// x: [count rounded up], none above `maximum`, which keeps every power within 0...1; behind `count` may be anything
func powersOfTwo(_ x: UnsafeMutablePointer<Float>, count: Int, less maximum: Float) -> Float {
    let step = WideLanes.scalarCount
    let shift = WideLanes(repeating: maximum)
    // The last vector, of one to sixteen numbers.
    let last = (count - 1) / step * step
    var sum = WideLanes.zero
    for i in stride(from: 0, to: last, by: step) {
        let value = powerOfTwo(unsafe x.wideLanes(at: i) - shift)
        sum += value
        unsafe x.setWideLanes(value, at: i)
    }
    let lanes = Int32(truncatingIfNeeded: count - last)
    let scores = unsafe cintrinsics_first16(lanes, x.wideLanes(at: last), WideLanes(repeating: -.infinity))
    let tail = cintrinsics_first16(lanes, powerOfTwo(scores - shift), .zero)
    unsafe x.setWideLanes(tail, at: last)
    return cintrinsics_sum16(sum + tail)
}

/// context = softmax(Q · Kᵀ / √headSize) · V, for each head of each text (Vaswani et al. 2017, eq. 1), for the queries `rows`.
///
/// queryKeyValue: [tokens, 3 * heads * headSize], the queries of all heads, times log₂ e / √headSize, then the keys, then the values
/// context: [tokens, heads * headSize]
func attention(
    _ context: UnsafeMutablePointer<Float>, _ queryKeyValue: UnsafePointer<Float>, _ sequences: PackedSequences,
    rows: Range<Int>, heads: Range<Int>, hiddenSize: Int, headSize: Int, _ workspace: borrowing Workspace,
    shape: TileShape = .native
) {
    let leading = 3 * hiddenSize
    let panel = shape.headColumns
    let scores = unsafe TileScores(
        scores: workspace.scores.start, largest: workspace.largestScores.start, shares: workspace.shares.start)
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
                scores: scores, length: tokens.count, headSize: headSize
            ).run(shape, rows: queries.count)
        }
    }
}

/// Lays rows out as the columns of panels.   x: [rows, columns]   panels: [⌈rows / panel⌉][columns][panel]
///
/// Behind the last row is anything. A panel has a multiple of eight columns.
private func packColumns(
    _ panels: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, leading: Int, rows: Int, columns: Int,
    panel: Int
) {
    let whole = columns / Lanes.scalarCount * Lanes.scalarCount
    for row in stride(from: 0, to: rows, by: Lanes.scalarCount) {
        let source = unsafe x + row * leading
        let target = unsafe panels + row / panel * panel * columns + row % panel
        for i in stride(from: 0, to: whole, by: Lanes.scalarCount) {
            unsafe cintrinsics_transpose8x8(target + i * panel, panel, source + i, leading, rows - row - 1)
        }
        for i in whole..<columns {
            for j in 0..<min(Lanes.scalarCount, rows - row) { unsafe target[i * panel + j] = source[j * leading + i] }
        }
    }
}

/// Cuts rows into panels of columns.   x: [rows, columns]   panels: [⌈columns / panel⌉][rows][panel]
private func packRows(
    _ panels: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, leading: Int, rows: Int, columns: Int,
    panel: Int
) {
    for first in stride(from: 0, to: columns, by: panel) {
        let width = min(panel, columns - first)
        let whole = width / Lanes.scalarCount * Lanes.scalarCount
        for row in 0..<rows {
            let target = unsafe panels + first * rows + row * panel
            let source = unsafe x + row * leading + first
            for i in stride(from: 0, to: whole, by: Lanes.scalarCount) {
                unsafe target.setLanes(source.lanes(at: i), at: i)
            }
            for i in whole..<width { unsafe target[i] = source[i] }
        }
    }
}

/// integers = x / scale, rounded, with scale = max|x| / limit, row by row.   x: [rows, columns]
///
/// integers: [rows, columns] of 16 bits, two in an element   scales: [rows]
///
/// A row that holds NaN or infinity has the scale NaN, and so has its products: integers could not tell.
func quantizeRows(
    _ integers: UnsafeMutablePointer<Int32>, scales: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, rows: Int,
    columns: Int, limit: Float
) {
    // Adding 1.5 · 2²³ rounds to an integer and leaves it in the low bits of the sum.
    let shifter = WideLanes(repeating: 0x1.8p23)
    let step = WideLanes.scalarCount
    // Two vectors at a time, whose integers fill one.
    let whole = columns / (2 * step) * (2 * step)
    for row in 0..<rows {
        let x = unsafe x + row * columns
        let (maximum, zero) = unsafe largestMagnitude(x, count: columns)
        // The maximum passes NaN by.
        unsafe scales[row] = maximum / limit + zero
        let factor = WideLanes(repeating: maximum > 0 ? limit / maximum : 0)
        let target = unsafe UnsafeMutableRawPointer(integers + row * columns / 2)
        for i in stride(from: 0, to: whole, by: 2 * step) {
            let first = unsafe multiplyAdd(x.wideLanes(at: i), factor, shifter)
            let second = unsafe multiplyAdd(x.wideLanes(at: i + step), factor, shifter)
            let integers = unsafe cintrinsics_low_halves16(
                unsafeBitCast(first, to: SIMD16<Int32>.self), unsafeBitCast(second, to: SIMD16<Int32>.self))
            unsafe target.storeBytes(of: integers, toByteOffset: 2 * i, as: SIMD16<Int32>.self)
        }
        for i in stride(from: whole, to: columns, by: Lanes.scalarCount) {
            let shifted = unsafe multiplyAdd(x.lanes(at: i), factor.lowHalf, shifter.lowHalf)
            let halves = unsafe unsafeBitCast(shifted, to: SIMD16<Int16>.self).evenHalf
            unsafe target.storeBytes(of: halves, toByteOffset: 2 * i, as: SIMD8<Int16>.self)
        }
    }
}

/// max|x| of those that are numbers, and 0 · Σx: zero, or NaN where one is no finite number.   x: [count], a multiple of eight
private func largestMagnitude(_ x: UnsafePointer<Float>, count: Int) -> (largest: Float, zero: Float) {
    let step = WideLanes.scalarCount
    // Two side by side, as sums are above.
    var (even, odd) = (WideLanes.zero, WideLanes.zero)
    var (evenZeros, oddZeros) = (WideLanes.zero, WideLanes.zero)
    var i = 0
    while i + 2 * step <= count {
        let (first, second) = unsafe (x.wideLanes(at: i), x.wideLanes(at: i + step))
        even = cintrinsics_max16(cintrinsics_abs16(first), even)
        odd = cintrinsics_max16(cintrinsics_abs16(second), odd)
        evenZeros = multiplyAdd(first, .zero, evenZeros)
        oddZeros = multiplyAdd(second, .zero, oddZeros)
        i += 2 * step
    }
    var (rest, restZeros) = (Lanes.zero, Lanes.zero)
    while i < count {
        let lanes = unsafe x.lanes(at: i)
        rest = cintrinsics_max8(cintrinsics_abs8(lanes), rest)
        restZeros = multiplyAdd(lanes, .zero, restZeros)
        i += Lanes.scalarCount
    }
    return (
        max(cintrinsics_largest16(cintrinsics_max16(even, odd)), cintrinsics_largest8(rest)),
        cintrinsics_sum16(evenZeros + oddZeros) + cintrinsics_sum8(restZeros)
    )
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
    let scale = Lanes(repeating: 1 / max(cintrinsics_sum8(squares).squareRoot(), 1e-12))
    for i in stride(from: 0, to: count, by: Lanes.scalarCount) { unsafe x.setLanes(x.lanes(at: i) * scale, at: i) }
}
