// The inner kernels: a tile of the result is summed in registers, rows of x against a panel of packed columns.
//
// One file, because tests are built file by file and these generics are fast only where the compiler sees their use.

import CIntrinsics

/// A vector of floats and the operations kernels need of it, each one instruction where the register is as wide.
///
/// Products of integers take and give vectors of floats, too, that stand for their bits: all operands have 32 a lane.
protocol FloatLanes: SIMD, Sendable where Scalar == Float {
    /// a · b + c, fused where the build has the instruction.
    static func multiplyAdd(_ a: Self, _ b: Self, _ c: Self) -> Self
    static func + (a: Self, b: Self) -> Self
    static func * (a: Self, b: Self) -> Self
    static func repeating(_ value: Float) -> Self
    /// The larger of each lane; `b` where `a` is no number.
    static func maximum(_ a: Self, _ b: Self) -> Self
    /// The first `count` lanes of a, and b in the others.
    static func first(_ count: Int, _ a: Self, _ b: Self) -> Self
    /// The integers that are the bits of each lane as floats, rounded.
    var bitsAsIntegers: Self { get }
    /// sum + the products of the two 16-bit integers in each lane.
    static func addPairs(_ sum: Self, _ x: Self, _ weights: Self) -> Self
    /// sum + the products of the four bytes in each lane: of `x` without sign, of `weights` with it.
    static func addQuads(_ sum: Self, _ x: Self, _ weights: Self) -> Self
}

extension SIMD8<Float>: FloatLanes {
    @inline(__always) static func multiplyAdd(_ a: Self, _ b: Self, _ c: Self) -> Self {
        cintrinsics_has_fma() ? c.addingProduct(a, b) : a * b + c
    }
    @inline(__always) static func repeating(_ value: Float) -> Self { Self(repeating: value) }
    @inline(__always) static func maximum(_ a: Self, _ b: Self) -> Self { cintrinsics_max8(a, b) }
    @inline(__always) static func first(_ count: Int, _ a: Self, _ b: Self) -> Self {
        cintrinsics_first8(Int32(truncatingIfNeeded: Swift.min(Swift.max(count, 0), 8)), a, b)
    }
    @inline(__always) private var bits: SIMD8<Int32> { unsafe unsafeBitCast(self, to: SIMD8<Int32>.self) }
    @inline(__always) var bitsAsIntegers: Self { cintrinsics_to_float8(bits) }
    @inline(__always) static func addPairs(_ sum: Self, _ x: Self, _ weights: Self) -> Self {
        unsafe unsafeBitCast(cintrinsics_dot2x8(sum.bits, x.bits, weights.bits), to: Self.self)
    }
    @inline(__always) static func addQuads(_ sum: Self, _ x: Self, _ weights: Self) -> Self {
        unsafe unsafeBitCast(cintrinsics_dot4x8(sum.bits, x.bits, weights.bits), to: Self.self)
    }
}

extension SIMD16<Float>: FloatLanes {
    @inline(__always) static func multiplyAdd(_ a: Self, _ b: Self, _ c: Self) -> Self {
        cintrinsics_has_fma() ? c.addingProduct(a, b) : a * b + c
    }
    @inline(__always) static func repeating(_ value: Float) -> Self { Self(repeating: value) }
    @inline(__always) static func maximum(_ a: Self, _ b: Self) -> Self { cintrinsics_max16(a, b) }
    @inline(__always) static func first(_ count: Int, _ a: Self, _ b: Self) -> Self {
        cintrinsics_first16(Int32(truncatingIfNeeded: Swift.min(Swift.max(count, 0), 16)), a, b)
    }
    @inline(__always) private var bits: SIMD16<Int32> { unsafe unsafeBitCast(self, to: SIMD16<Int32>.self) }
    @inline(__always) var bitsAsIntegers: Self { cintrinsics_to_float16(bits) }
    @inline(__always) static func addPairs(_ sum: Self, _ x: Self, _ weights: Self) -> Self {
        unsafe unsafeBitCast(cintrinsics_dot2x16(sum.bits, x.bits, weights.bits), to: Self.self)
    }
    @inline(__always) static func addQuads(_ sum: Self, _ x: Self, _ weights: Self) -> Self {
        unsafe unsafeBitCast(cintrinsics_dot4x16(sum.bits, x.bits, weights.bits), to: Self.self)
    }
}

/// How many columns a tile has. Rows are up to six, so that sums, a piece of the panel and one of x fill the registers.
enum TileShape: CaseIterable, Sendable {
    /// 6 × 64: 24 sums in AVX-512's 32 registers.
    case wide64
    /// 6 × 16: 12 sums in AVX's 16 registers, 24 in NEON's 32.
    case wide16
    /// 6 × 8: 12 sums in SSE's 16 registers.
    case wide8

    /// The shape for the registers this build may use.
    static var native: TileShape {
        switch cintrinsics_register_floats() {
        case 16: .wide64
        case 8: .wide16
        default: cintrinsics_has_32_registers() ? .wide16 : .wide8
        }
    }

    /// Columns of a panel of weights.
    var columns: Int {
        switch self {
        case .wide64: 64
        case .wide16: 16
        case .wide8: 8
        }
    }

    /// Columns of a panel of keys or values: a head has few columns, 32 in MiniLM.
    var headColumns: Int { self == .wide64 ? 32 : columns }
    /// Most queries of a tile of attention: as many sums as a product's tile has.
    var headRows: Int { self == .wide64 ? 12 : 6 }
}

/// What becomes of a product.
enum Epilogue: Sendable {
    /// y = x · Wᵀ + b
    case store
    /// y = GELU(x · Wᵀ + b)
    case gelu
    /// y = y + x · Wᵀ + b: a layer adds to the stream it reads.
    case add
}

/// One block of the inner dimension of y = epilogue(x · P + b), for one panel P.
///
/// x: [rows, steps]   panel: [steps, columns of the shape]   y: [rows, columns]   with 32 bits an element of x and the panel, as
/// `operands` says. Leading dimensions are distances between rows. Only the first `columns` are stored; the panel and the bias
/// are padded.
@unsafe struct PanelProduct {
    var x: UnsafeRawPointer
    var leadingX: Int
    var panel: UnsafeRawPointer
    var steps: Int
    var operands: Operands
    var bias: UnsafePointer<Float>
    var y: UnsafeMutablePointer<Float>
    var leadingY: Int
    var rows: Int
    var columns: Int
    var epilogue: Epilogue
    /// The first block starts from the bias, the others from what is in y; the epilogue is done by those it belongs to.
    var isFirst: Bool
    var isLast: Bool
    /// The panel that is used after this one, to be fetched meanwhile: as many bytes as this one has.
    var next: UnsafeRawPointer?

    /// Never inlined: within a large function the optimiser gives up before the sums are in registers, which costs a factor of four.
    @inline(never)
    func run(_ shape: TileShape) {
        guard unsafe columns >= shape.columns else { return unsafe runAside(shape) }
        switch unsafe operands {
        case .floats: unsafe run(shape, Floats())
        case .pairs(let pairs): unsafe run(shape, pairs)
        case .quads(let quads): unsafe run(shape, quads)
        }
    }

    /// Asks for a tile of the result before it is summed. Since the layer before, its lines have left the second level: stores would
    /// wait for them, and in 16 bits the next tile's sums for the stores, a sixth of the time of queries, keys and values.
    ///
    /// Never inlined, for the same reason.
    @inline(never)
    fileprivate func fetchResult(row: Int, height: Int, width: Int) {
        for r in row..<row + height {
            let y = unsafe y + r * leadingY
            for i in stride(from: 0, to: width, by: 16) { unsafe cintrinsics_prefetch_for_writing(y + i) }
        }
    }

    /// Runs where fewer columns are stored than a tile has: on a copy of them.
    private func runAside(_ shape: TileShape) {
        let all = shape.columns
        unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: rows * all) { copy in
            unsafe copy.initialize(repeating: 0)
            let target = copy.baseAddress!
            var product = unsafe self
            unsafe (product.y, product.leadingY, product.columns) = (target, all, all)
            for row in 0..<(unsafe rows) {
                unsafe (target + row * all).update(from: y + row * leadingY, count: columns)
            }
            unsafe product.run(shape)
            for row in 0..<(unsafe rows) {
                unsafe (y + row * leadingY).update(from: target + row * all, count: columns)
            }
        }
    }

    @inline(__always)
    private func run(_ shape: TileShape, _ arithmetic: some Arithmetic) {
        switch shape {
        case .wide64: unsafe forEachTile(rows, ProductTile<_, SIMD16<Float>, 4>(self, arithmetic))
        case .wide16: unsafe forEachTile(rows, ProductTile<_, SIMD8<Float>, 2>(self, arithmetic))
        case .wide8: unsafe forEachTile(rows, ProductTile<_, SIMD8<Float>, 1>(self, arithmetic))
        }
    }
}

/// What the 32 bits of an element are.
@unsafe enum Operands {
    case floats
    case pairs(Pairs)
    case quads(Quads)
}

/// How elements are multiplied, and what a sum of products is worth.
private protocol Arithmetic {
    static func add<V: FloatLanes>(_ sum: V, _ x: V, _ weights: V) -> V
    /// What the scale and the offset of a row are, once for all its columns.
    func worth<V: FloatLanes>(ofRow row: Int) -> RowWorth<V>
    /// base + the worth of the sum in a row and a vector of columns.
    func value<V: FloatLanes>(of sum: V, _ row: RowWorth<V>, vector: Int, onto base: V) -> V
    /// Asks for what the next panel's columns are worth, which stands behind this one's.
    func fetchNext(columns: Int)
}

/// Asks for `count` floats behind as many.
@inline(__always)
private func fetch(behind floats: UnsafePointer<Float>, count: Int) {
    for i in stride(from: 0, to: count, by: 16) { unsafe cintrinsics_prefetch(floats + (count &+ i)) }
}

private struct RowWorth<V: FloatLanes> {
    var scale = V.repeating(1)
    var offset = V.repeating(0)
}

private struct Floats: Arithmetic {
    @inline(__always)
    static func add<V: FloatLanes>(_ sum: V, _ x: V, _ weights: V) -> V { V.multiplyAdd(x, weights, sum) }

    @inline(__always)
    func worth<V: FloatLanes>(ofRow row: Int) -> RowWorth<V> { RowWorth() }

    @inline(__always)
    func value<V: FloatLanes>(of sum: V, _ row: RowWorth<V>, vector: Int, onto base: V) -> V { base + sum }

    @inline(__always)
    func fetchNext(columns: Int) {}
}

/// Two 16-bit integers: x · w = rowScale · columnScale · Σ.   columnScales: [columns of the shape]
@unsafe struct Pairs: Arithmetic {
    var rowScales: UnsafePointer<Float>
    var columnScales: UnsafePointer<Float>

    @inline(__always)
    static func add<V: FloatLanes>(_ sum: V, _ x: V, _ weights: V) -> V { V.addPairs(sum, x, weights) }

    @inline(__always)
    fileprivate func worth<V: FloatLanes>(ofRow row: Int) -> RowWorth<V> {
        unsafe RowWorth(scale: .repeating(rowScales[row]))
    }

    @inline(__always)
    fileprivate func value<V: FloatLanes>(of sum: V, _ row: RowWorth<V>, vector: Int, onto base: V) -> V {
        unsafe V.multiplyAdd(sum.bitsAsIntegers, row.scale * columnScales.vector(V.self, vector), base)
    }

    @inline(__always)
    fileprivate func fetchNext(columns: Int) { unsafe fetch(behind: columnScales, count: columns) }
}

/// Four bytes: x · w = rowScale · columnScale · Σ + rowOffset · columnSum.
///
/// rowScales, rowOffsets: a row's are `leading` behind the last one's, an offset being -zero · rowScale   columnScales, columnSums:
/// [columns of the shape], a sum being columnScale · Σ P
@unsafe struct Quads: Arithmetic {
    var rowScales: UnsafePointer<Float>
    var rowOffsets: UnsafePointer<Float>
    var leading: Int
    var columnScales: UnsafePointer<Float>
    var columnSums: UnsafePointer<Float>

    @inline(__always)
    static func add<V: FloatLanes>(_ sum: V, _ x: V, _ weights: V) -> V { V.addQuads(sum, x, weights) }

    @inline(__always)
    fileprivate func worth<V: FloatLanes>(ofRow row: Int) -> RowWorth<V> {
        unsafe RowWorth(scale: .repeating(rowScales[row &* leading]), offset: .repeating(rowOffsets[row &* leading]))
    }

    @inline(__always)
    fileprivate func value<V: FloatLanes>(of sum: V, _ row: RowWorth<V>, vector: Int, onto base: V) -> V {
        unsafe V.multiplyAdd(
            sum.bitsAsIntegers, row.scale * columnScales.vector(V.self, vector),
            V.multiplyAdd(row.offset, columnSums.vector(V.self, vector), base))
    }

    @inline(__always)
    fileprivate func fetchNext(columns: Int) {
        unsafe fetch(behind: columnScales, count: columns)
        unsafe fetch(behind: columnSums, count: columns)
    }
}

/// context = softmax(Q · Kᵀ) · V for one head of one text, in powers of two; the scale is in Q already.
///
/// queries: [rows, headSize]   keys: panels of [headSize, headColumns], a key a column   values: panels of [length, headColumns]
/// context: [rows, headSize]   `queries` and `context` may be rows of larger matrices
@unsafe struct HeadAttention {
    var queries: UnsafePointer<Float>
    var leadingQueries: Int
    var keys: UnsafePointer<Float>
    var values: UnsafePointer<Float>
    var context: UnsafeMutablePointer<Float>
    var leadingContext: Int
    var scores: TileScores
    var length: Int
    var headSize: Int

    func run(_ shape: TileShape, rows: Int) {
        switch shape {
        case .wide64: unsafe forEachTallTile(rows, AttentionTile<SIMD16<Float>, 2>(self))
        case .wide16: unsafe forEachTile(rows, AttentionTile<SIMD8<Float>, 2>(self))
        case .wide8: unsafe forEachTile(rows, AttentionTile<SIMD8<Float>, 1>(self))
        }
    }
}

/// Where a tile of attention keeps what it has of each query.
@unsafe struct TileScores {
    /// Scores of all keys, then their powers: [headRows, panels of keys · headColumns rounded up to sixteen]
    var scores: UnsafeMutablePointer<Float>
    /// The largest score so far, of each lane: [headRows, 16]
    var largest: UnsafeMutablePointer<Float>
    /// One over the sum of the powers: [headRows]
    var shares: UnsafeMutablePointer<Float>
}

/// A number of rows as a type.
private enum Rows<let count: Int> {}

/// Work on a tile, written once for every number of rows.
private protocol TileWork {
    func compute<let rows: Int>(_: Rows<rows>.Type, row: Int)
}

/// Runs the work over tiles of up to six rows, as even as can be: seven rows are four and three, because a tile of one
/// row has too few sums to hide the latency of a multiply-add.
@inline(__always)
private func forEachTile(_ rows: Int, _ work: some TileWork) {
    var row = 0
    var tiles = (rows + 5) / 6
    while tiles > 0 {
        let height = (rows - row + tiles - 1) / tiles
        switch height {
        case 1: work.compute(Rows<1>.self, row: row)
        case 2: work.compute(Rows<2>.self, row: row)
        case 3: work.compute(Rows<3>.self, row: row)
        case 4: work.compute(Rows<4>.self, row: row)
        case 5: work.compute(Rows<5>.self, row: row)
        default: work.compute(Rows<6>.self, row: row)
        }
        row += height
        tiles -= 1
    }
}

/// Work on a tile of twice as many rows: the optimiser unrolls a loop over six rows, but not one over twelve.
private protocol TallTileWork {
    func compute<let upper: Int, let lower: Int>(_: Rows<upper>.Type, _: Rows<lower>.Type, row: Int)
}

/// Runs the work over tiles of up to twelve rows, as even as can be.
@inline(__always)
private func forEachTallTile(_ rows: Int, _ work: some TallTileWork) {
    var row = 0
    var tiles = (rows + 11) / 12
    while tiles > 0 {
        let height = (rows - row + tiles - 1) / tiles
        switch height {
        case 1: work.compute(Rows<1>.self, Rows<0>.self, row: row)
        case 2: work.compute(Rows<2>.self, Rows<0>.self, row: row)
        case 3: work.compute(Rows<3>.self, Rows<0>.self, row: row)
        case 4: work.compute(Rows<4>.self, Rows<0>.self, row: row)
        case 5: work.compute(Rows<5>.self, Rows<0>.self, row: row)
        case 6: work.compute(Rows<6>.self, Rows<0>.self, row: row)
        case 7: work.compute(Rows<4>.self, Rows<3>.self, row: row)
        case 8: work.compute(Rows<4>.self, Rows<4>.self, row: row)
        case 9: work.compute(Rows<5>.self, Rows<4>.self, row: row)
        case 10: work.compute(Rows<5>.self, Rows<5>.self, row: row)
        case 11: work.compute(Rows<6>.self, Rows<5>.self, row: row)
        default: work.compute(Rows<6>.self, Rows<6>.self, row: row)
        }
        row += height
        tiles -= 1
    }
}

/// rows × wide vectors of sums. Loops over them have constant bounds, are unrolled and leave the sums in registers.
private struct Sums<V: FloatLanes, let rows: Int, let wide: Int> {
    var sums: InlineArray<rows, InlineArray<wide, V>>

    @inline(__always)
    init() { sums = InlineArray(repeating: InlineArray(repeating: .repeating(0))) }

    /// sums += x · panel.   x: [rows, steps]   panel: [steps, wide vectors]
    @inline(__always)
    mutating func add<A: Arithmetic>(
        _: A.Type, _ x: UnsafeRawPointer, leading: Int, _ panel: UnsafeRawPointer, steps: Int,
        fetching ahead: Lookahead? = nil
    ) {
        let x = unsafe x.assumingMemoryBound(to: Float.self)
        var panel = unsafe panel.assumingMemoryBound(to: Float.self)
        var ahead = unsafe ahead ?? Lookahead(besides: x)
        for k in 0..<steps {
            unsafe ahead.fetch(step: k)
            var b = InlineArray<wide, V>(repeating: .repeating(0))
            for c in 0..<wide { b[c] = unsafe panel.vector(V.self, c) }
            unsafe panel += wide &* V.scalarCount
            for r in 0..<rows {
                let a = unsafe V.repeating(x[r &* leading &+ k])
                for c in 0..<wide { sums[r][c] = A.add(sums[r][c], a, b[c]) }
            }
        }
    }
}

/// (upper + lower) × wide vectors of sums of floats.
private struct TallSums<V: FloatLanes, let upper: Int, let lower: Int, let wide: Int> {
    private var upperSums = Sums<V, upper, wide>()
    private var lowerSums = Sums<V, lower, wide>()

    @inline(__always)
    init() {}

    /// sums += x · panel.   x: [upper + lower, steps]   panel: [steps, wide vectors]
    @inline(__always)
    mutating func add(_ x: UnsafePointer<Float>, leading: Int, _ panel: UnsafePointer<Float>, steps: Int) {
        let below = unsafe x + upper &* leading
        var panel = unsafe panel
        for k in 0..<steps {
            var b = InlineArray<wide, V>(repeating: .repeating(0))
            for c in 0..<wide { b[c] = unsafe panel.vector(V.self, c) }
            unsafe panel += wide &* V.scalarCount
            unsafe upperSums.add(x + k, leading: leading, b)
            unsafe lowerSums.add(below + k, leading: leading, b)
        }
    }

    /// y = sums; largest = the larger of itself and of a row's first `columns` sums, lane by lane.
    ///
    /// y: [upper + lower, wide vectors]   largest: [upper + lower, 16]
    @inline(__always)
    func store(
        _ y: UnsafeMutablePointer<Float>, leading: Int, largest: UnsafeMutablePointer<Float>, columns: Int
    ) {
        unsafe upperSums.store(y, leading: leading, largest: largest, columns: columns)
        unsafe lowerSums.store(
            y + upper &* leading, leading: leading, largest: largest + upper &* WideLanes.scalarCount,
            columns: columns)
    }

    /// y = sums · factors.   y: [upper + lower, wide vectors]   factors: [upper + lower]
    @inline(__always)
    func store(_ y: UnsafeMutablePointer<Float>, leading: Int, factors: UnsafePointer<Float>) {
        unsafe upperSums.store(y, leading: leading, factors: factors)
        unsafe lowerSums.store(y + upper &* leading, leading: leading, factors: factors + upper)
    }
}

/// What a half of `TallSums` does.
extension Sums {
    /// sums += x · b, for one step.   x: [rows, 1]   b: [1, wide vectors]
    @inline(__always)
    fileprivate mutating func add(_ x: UnsafePointer<Float>, leading: Int, _ b: InlineArray<wide, V>) {
        for r in 0..<rows {
            let a = unsafe V.repeating(x[r &* leading])
            for c in 0..<wide { sums[r][c] = Floats.add(sums[r][c], a, b[c]) }
        }
    }

    @inline(__always)
    fileprivate func store(
        _ y: UnsafeMutablePointer<Float>, leading: Int, largest: UnsafeMutablePointer<Float>, columns: Int
    ) {
        for r in 0..<rows {
            let row = unsafe y + r &* leading
            let slot = unsafe largest + r &* WideLanes.scalarCount
            var maximum = unsafe UnsafePointer(slot).vector(V.self, 0)
            for c in 0..<wide {
                maximum = V.first(columns &- c &* V.scalarCount, V.maximum(sums[r][c], maximum), maximum)
                unsafe row.setVector(sums[r][c], c)
            }
            unsafe slot.setVector(maximum, 0)
        }
    }

    @inline(__always)
    fileprivate func store(_ y: UnsafeMutablePointer<Float>, leading: Int, factors: UnsafePointer<Float>) {
        for r in 0..<rows {
            let row = unsafe y + r &* leading
            let factor = unsafe V.repeating(factors[r])
            for c in 0..<wide { unsafe row.setVector(sums[r][c] * factor, c) }
        }
    }
}

/// Asks for memory that will be needed soon, four cache lines now and then, so that it is in the second level when it is.
@unsafe private struct Lookahead {
    private var address: UnsafeRawPointer
    /// The step of the next request, and how far apart they are.
    private var due: Int
    private var interval: Int

    /// Nothing is fetched.
    init(besides address: UnsafeRawPointer) { unsafe (self.address, due, interval) = (address, -1, 0) }

    /// Fetches `bytes` from `address` on in the course of `steps` steps, or as much as four lines a step are.
    @inline(__always)
    init(_ address: UnsafeRawPointer, bytes: Int, steps: Int) {
        unsafe (self.address, due, interval) = (address, 0, max(256 &* steps / max(bytes, 1), 1))
    }

    @inline(__always)
    mutating func fetch(step: Int) {
        guard unsafe step == due else { return }
        for line in 0..<4 { unsafe cintrinsics_prefetch_second_level(address + 64 &* line) }
        unsafe address += 256
        unsafe due &+= interval
    }
}

@safe private struct ProductTile<A: Arithmetic, V: FloatLanes, let wide: Int>: TileWork {
    let product: PanelProduct
    let arithmetic: A
    init(_ product: PanelProduct, _ arithmetic: A) {
        unsafe self.product = unsafe product
        self.arithmetic = arithmetic
    }

    @inline(__always)
    func compute<let rows: Int>(_: Rows<rows>.Type, row: Int) {
        if row == 0 { arithmetic.fetchNext(columns: wide &* V.scalarCount) }
        if unsafe product.isFirst { unsafe product.fetchResult(row: row, height: rows, width: wide &* V.scalarCount) }
        var tile = Sums<V, rows, wide>()
        unsafe tile.add(
            A.self, product.x + 4 &* row &* product.leadingX, leading: product.leadingX, product.panel,
            steps: product.steps, fetching: lookahead(rows, row: row))

        let y = unsafe product.y + row &* product.leadingY
        if unsafe product.isFirst && product.epilogue == .add {
            for r in 0..<rows { unsafe add(y + r &* product.leadingY, product.bias, count: wide &* V.scalarCount) }
        }
        // One loop for all that sums are added to: with several, the compiler would leave the sums in memory.
        let fromBias = unsafe product.isFirst && product.epilogue != .add
        let base = unsafe fromBias ? product.bias : UnsafePointer(y)
        let leadingBase = unsafe fromBias ? 0 : product.leadingY
        for r in 0..<rows {
            let worth: RowWorth<V> = arithmetic.worth(ofRow: row &+ r)
            let base = unsafe base + r &* leadingBase
            let y = unsafe y + r &* product.leadingY
            for c in 0..<wide {
                let base = unsafe base.vector(V.self, c)
                unsafe y.setVector(arithmetic.value(of: tile.sums[r][c], worth, vector: c, onto: base), c)
            }
        }
        if unsafe product.isLast && product.epilogue == .gelu {
            for r in 0..<rows { unsafe gelu(y + r &* product.leadingY, count: wide &* V.scalarCount) }
        }
    }

    /// This tile's part of the next panel.
    @inline(__always)
    private func lookahead(_ height: Int, row: Int) -> Lookahead {
        guard let next = unsafe product.next else { return unsafe Lookahead(besides: product.panel) }
        let bytes = unsafe product.steps &* wide &* MemoryLayout<V>.size
        let begin = unsafe bytes &* row / product.rows
        let end = unsafe bytes &* (row &+ height) / product.rows
        return unsafe Lookahead(next + begin, bytes: end &- begin, steps: product.steps)
    }
}

@safe private struct AttentionTile<V: FloatLanes, let wide: Int>: TileWork, TallTileWork {
    let head: HeadAttention
    init(_ head: HeadAttention) { unsafe self.head = unsafe head }

    @inline(__always)
    func compute<let rows: Int>(_: Rows<rows>.Type, row: Int) { compute(Rows<rows>.self, Rows<0>.self, row: row) }

    @inline(__always)
    func compute<let upper: Int, let lower: Int>(_: Rows<upper>.Type, _: Rows<lower>.Type, row: Int) {
        let rows = upper &+ lower
        let width = wide &* V.scalarCount
        let panels = unsafe (head.length &+ width &- 1) / width
        let leading = roundedUpToWideLanes(panels &* width)
        let query = unsafe head.queries + row &* head.leadingQueries
        let (scores, largest, shares) = unsafe (head.scores.scores, head.scores.largest, head.scores.shares)
        for r in 0..<rows {
            unsafe largest.setWideLanes(WideLanes(repeating: -.infinity), at: r &* WideLanes.scalarCount)
        }
        for panel in 0..<panels {
            var tile = TallSums<V, upper, lower, wide>()
            unsafe tile.add(
                query, leading: head.leadingQueries, head.keys + panel &* width &* head.headSize, steps: head.headSize)
            unsafe tile.store(
                scores + panel &* width, leading: leading, largest: largest, columns: head.length &- panel &* width)
        }
        for r in 0..<rows {
            let maximum = unsafe cintrinsics_largest16(largest.wideLanes(at: r &* WideLanes.scalarCount))
            unsafe shares[r] = unsafe 1 / powersOfTwo(scores + r &* leading, count: head.length, less: maximum)
        }
        let context = unsafe head.context + row &* head.leadingContext
        for panel in 0..<(unsafe (head.headSize &+ width &- 1) / width) {
            var tile = TallSums<V, upper, lower, wide>()
            unsafe tile.add(
                scores, leading: leading, head.values + panel &* width &* head.length, steps: head.length)
            let columns = unsafe head.headSize &- panel &* width
            // The last columns of a head that does not fill a panel go through the scores, which nobody needs any more.
            let isWhole = columns >= width
            let target = unsafe isWhole ? context + panel &* width : scores
            let leadingTarget = isWhole ? unsafe head.leadingContext : leading
            unsafe tile.store(target, leading: leadingTarget, factors: shares)
            if isWhole { continue }
            for r in 0..<rows {
                unsafe (context + (r &* head.leadingContext &+ panel &* width)).update(
                    from: target + r &* leading, count: columns)
            }
        }
    }
}

extension UnsafePointer<Float> {
    /// Vector number `index` from here.
    @inline(__always)
    fileprivate func vector<V: FloatLanes>(_: V.Type, _ index: Int) -> V {
        unsafe UnsafeRawPointer(self + index &* V.scalarCount).loadUnaligned(as: V.self)
    }
}

extension UnsafeMutablePointer<Float> {
    /// Replaces vector number `index` from here.
    @inline(__always)
    fileprivate func setVector<V: FloatLanes>(_ vector: V, _ index: Int) {
        unsafe UnsafeMutableRawPointer(self + index &* V.scalarCount).storeBytes(of: vector, as: V.self)
    }
}
