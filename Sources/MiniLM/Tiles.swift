// The inner kernels: a tile of the result is summed in registers, rows of x against a panel of packed columns.
//
// One file, because tests are built file by file and these generics are fast only where the compiler sees their use.

import CIntrinsics

/// A vector of floats and the operations kernels need of it, each one instruction where the register is as wide.
protocol FloatLanes: SIMD, Sendable where Scalar == Float {
    /// As many 32-bit integers.
    associatedtype Integers: SIMD where Integers.Scalar == Int32

    /// a · b + c, fused where the build has the instruction.
    static func multiplyAdd(_ a: Self, _ b: Self, _ c: Self) -> Self
    static func + (a: Self, b: Self) -> Self
    static func * (a: Self, b: Self) -> Self
    static func repeating(_ value: Float) -> Self
    /// Each integer as a float, rounded.
    init(rounding integers: Integers)
    /// sum + the product of the two low halves + the product of the two high halves, in each lane.
    static func addPairs(_ sum: Integers, _ a: Integers, _ b: Integers) -> Integers
    /// sum + the products of the four bytes in each lane: of `bytes` without sign, of `weights` with it.
    static func addQuads(_ sum: Integers, bytes: Integers, weights: Integers) -> Integers
    static func repeating(_ value: Int32) -> Integers
}

extension SIMD8<Float>: FloatLanes {
    typealias Integers = SIMD8<Int32>
    @inline(__always) static func multiplyAdd(_ a: Self, _ b: Self, _ c: Self) -> Self {
        cintrinsics_has_fma() ? c.addingProduct(a, b) : a * b + c
    }
    @inline(__always) static func repeating(_ value: Float) -> Self { Self(repeating: value) }
    @inline(__always) static func repeating(_ value: Int32) -> Integers { Integers(repeating: value) }
    @inline(__always) init(rounding integers: Integers) { self = cintrinsics_to_float8(integers) }
    @inline(__always) static func addPairs(_ sum: Integers, _ a: Integers, _ b: Integers) -> Integers {
        cintrinsics_dot2x8(sum, a, b)
    }
    @inline(__always) static func addQuads(_ sum: Integers, bytes: Integers, weights: Integers) -> Integers {
        cintrinsics_dot4x8(sum, bytes, weights)
    }
}

extension SIMD16<Float>: FloatLanes {
    typealias Integers = SIMD16<Int32>
    @inline(__always) static func multiplyAdd(_ a: Self, _ b: Self, _ c: Self) -> Self {
        cintrinsics_has_fma() ? c.addingProduct(a, b) : a * b + c
    }
    @inline(__always) static func repeating(_ value: Float) -> Self { Self(repeating: value) }
    @inline(__always) static func repeating(_ value: Int32) -> Integers { Integers(repeating: value) }
    @inline(__always) init(rounding integers: Integers) { self = cintrinsics_to_float16(integers) }
    @inline(__always) static func addPairs(_ sum: Integers, _ a: Integers, _ b: Integers) -> Integers {
        cintrinsics_dot2x16(sum, a, b)
    }
    @inline(__always) static func addQuads(_ sum: Integers, bytes: Integers, weights: Integers) -> Integers {
        cintrinsics_dot4x16(sum, bytes, weights)
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

/// y = epilogue(x · P + b) for one panel P.   x: [rows, inner]   panel: [inner, columns of the shape]   y: [rows, columns]
///
/// Leading dimensions are distances between rows. Only the first `columns` are stored; the panel and the bias are padded.
@unsafe struct PanelProduct {
    var x: UnsafePointer<Float>
    var leadingX: Int
    var panel: UnsafePointer<Float>
    var inner: Int
    var bias: UnsafePointer<Float>
    var y: UnsafeMutablePointer<Float>
    var leadingY: Int
    var columns: Int
    var epilogue: Epilogue

    func run(_ shape: TileShape, rows: Int) {
        switch shape {
        case .wide64: unsafe forEachTile(rows, FloatTile<SIMD16<Float>, 4>(self))
        case .wide16: unsafe forEachTile(rows, FloatTile<SIMD8<Float>, 2>(self))
        case .wide8: unsafe forEachTile(rows, FloatTile<SIMD8<Float>, 1>(self))
        }
    }
}

/// The same in 16-bit fixed point, for one block of the inner dimension:
/// y = base + Σ x · P · rowScale · columnScale, where base is the bias before the first block and y before the others.
///
/// x: [rows, pairs] of two 16-bit integers   panel: [pairs, columns of the shape]
@unsafe struct PanelProduct16 {
    var x: UnsafePointer<Int32>
    var leadingX: Int
    var rowScales: UnsafePointer<Float>
    var panel: UnsafePointer<Int32>
    var columnScales: UnsafePointer<Float>
    var pairs: Int
    var bias: UnsafePointer<Float>
    var y: UnsafeMutablePointer<Float>
    var leadingY: Int
    var columns: Int
    var epilogue: Epilogue
    var isFirst: Bool
    var isLast: Bool

    func run(_ shape: TileShape, rows: Int) {
        switch shape {
        case .wide64: unsafe forEachTile(rows, FixedPointTile<SIMD16<Float>, 4>(self))
        case .wide16: unsafe forEachTile(rows, FixedPointTile<SIMD8<Float>, 2>(self))
        case .wide8: unsafe forEachTile(rows, FixedPointTile<SIMD8<Float>, 1>(self))
        }
    }
}

/// The same in 8 bits, for all blocks of the inner dimension, in one pass over the panel or in two, of which the second adds
/// what the first one's weights lost: y = bias + Σ over passes and blocks of rowScale · columnScale · (Σ x · P - zero · Σ P).
///
/// x: [rows, blocks, quads of a block] of four bytes without sign   rowScales, rowOffsets: [rows, blocks], an offset being
/// -zero · rowScale   panel: [passes, blocks, quads of a block, columns of the shape] of four with it   columnScales, columnSums:
/// [passes, blocks, columns of the shape], a sum being columnScale · Σ P
@unsafe struct PanelProduct8 {
    var x: UnsafePointer<Int32>
    var rowScales: UnsafePointer<Float>
    var rowOffsets: UnsafePointer<Float>
    var panel: UnsafePointer<Int32>
    var columnScales: UnsafePointer<Float>
    var columnSums: UnsafePointer<Float>
    var passes: Int
    var blocks: Int
    var bias: UnsafePointer<Float>
    var y: UnsafeMutablePointer<Float>
    var leadingY: Int
    var columns: Int
    var epilogue: Epilogue

    func run(_ shape: TileShape, rows: Int) {
        switch shape {
        case .wide64: unsafe forEachTile(rows, ByteTile<SIMD16<Float>, 4>(self))
        case .wide16: unsafe forEachTile(rows, ByteTile<SIMD8<Float>, 2>(self))
        case .wide8: unsafe forEachTile(rows, ByteTile<SIMD8<Float>, 1>(self))
        }
    }
}

/// context = softmax(Q · Kᵀ) · V for one head of one text; the scale is in Q already.
///
/// queries: [rows, headSize]   keys: panels of [headSize, headColumns], a key a column   values: panels of
/// [length, headColumns]   context: [rows, headSize]   scores: [6, panels of keys · headColumns]
@unsafe struct HeadAttention {
    var queries: UnsafePointer<Float>
    var leadingQueries: Int
    var keys: UnsafePointer<Float>
    var values: UnsafePointer<Float>
    var context: UnsafeMutablePointer<Float>
    var leadingContext: Int
    var scores: UnsafeMutablePointer<Float>
    var length: Int
    var headSize: Int

    func run(_ shape: TileShape, rows: Int) {
        switch shape {
        case .wide64: unsafe forEachTile(rows, AttentionTile<SIMD16<Float>, 2>(self))
        case .wide16: unsafe forEachTile(rows, AttentionTile<SIMD8<Float>, 2>(self))
        case .wide8: unsafe forEachTile(rows, AttentionTile<SIMD8<Float>, 1>(self))
        }
    }
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

/// rows × wide vectors of sums. Loops over them have constant bounds, are unrolled and leave the sums in registers.
private struct Sums<V: FloatLanes, let rows: Int, let wide: Int> {
    var sums: InlineArray<rows, InlineArray<wide, V>>

    /// Every row starts from the same `wide` vectors.
    @inline(__always)
    init(rowsOf start: UnsafePointer<Float>) {
        let row = InlineArray<wide, V> { unsafe start.vector(V.self, $0) }
        sums = InlineArray(repeating: row)
    }

    @inline(__always)
    init() { sums = InlineArray(repeating: InlineArray(repeating: .repeating(Float(0)))) }

    /// sums += x · panel.   x: [rows, inner]   panel: [inner, wide vectors]
    @inline(__always)
    mutating func add(_ x: UnsafePointer<Float>, leading: Int, _ panel: UnsafePointer<Float>, inner: Int) {
        var panel = unsafe panel
        for k in 0..<inner {
            let b = InlineArray<wide, V> { unsafe panel.vector(V.self, $0) }
            unsafe panel += wide &* V.scalarCount
            for r in 0..<rows {
                let a = unsafe V.repeating(x[r &* leading &+ k])
                for c in 0..<wide { sums[r][c] = V.multiplyAdd(a, b[c], sums[r][c]) }
            }
        }
    }
}

@safe private struct FloatTile<V: FloatLanes, let wide: Int>: TileWork {
    let product: PanelProduct
    init(_ product: PanelProduct) { unsafe self.product = unsafe product }

    @inline(__always)
    func compute<let rows: Int>(_: Rows<rows>.Type, row: Int) {
        var tile = unsafe Sums<V, rows, wide>(rowsOf: product.bias)
        unsafe tile.add(
            product.x + row &* product.leadingX, leading: product.leadingX, product.panel, inner: product.inner)
        for r in 0..<rows {
            let y = unsafe product.y + (row &+ r) &* product.leadingY
            for c in 0..<wide {
                unsafe y.store(
                    tile.sums[r][c], c, columns: product.columns, adding: product.epilogue == .add)
            }
        }
        if unsafe product.epilogue == .gelu {
            let width = unsafe min(product.columns, wide &* V.scalarCount)
            for r in 0..<rows { unsafe gelu(product.y + (row &+ r) &* product.leadingY, count: width) }
        }
    }
}

@safe private struct FixedPointTile<V: FloatLanes, let wide: Int>: TileWork {
    let product: PanelProduct16
    init(_ product: PanelProduct16) { unsafe self.product = unsafe product }

    @inline(__always)
    func compute<let rows: Int>(_: Rows<rows>.Type, row: Int) {
        var sums = InlineArray<rows, InlineArray<wide, V.Integers>>(
            repeating: InlineArray(repeating: V.repeating(Int32(0))))
        let x = unsafe product.x + row &* product.leadingX
        let leading = unsafe product.leadingX
        var panel = unsafe product.panel
        for k in 0..<(unsafe product.pairs) {
            let b = InlineArray<wide, V.Integers> { unsafe panel.vector(V.self, $0) }
            unsafe panel += wide &* V.scalarCount
            for r in 0..<rows {
                let a: V.Integers = unsafe V.repeating(x[r &* leading &+ k])
                for c in 0..<wide { sums[r][c] = V.addPairs(sums[r][c], b[c], a) }
            }
        }
        let adding = unsafe !product.isFirst || product.epilogue == .add
        for r in 0..<rows {
            let y = unsafe product.y + (row &+ r) &* product.leadingY
            let rowScale = unsafe V.repeating(product.rowScales[row &+ r])
            for c in 0..<wide {
                let scale = unsafe rowScale * product.columnScales.vector(V.self, c)
                let base = unsafe product.isFirst ? product.bias.vector(V.self, c) : V.repeating(Float(0))
                unsafe y.store(
                    V.multiplyAdd(V(rounding: sums[r][c]), scale, base), c, columns: product.columns, adding: adding)
            }
        }
        if unsafe product.isLast && product.epilogue == .gelu {
            let width = unsafe min(product.columns, wide &* V.scalarCount)
            for r in 0..<rows { unsafe gelu(product.y + (row &+ r) &* product.leadingY, count: width) }
        }
    }
}

@safe private struct ByteTile<V: FloatLanes, let wide: Int>: TileWork {
    let product: PanelProduct8
    init(_ product: PanelProduct8) { unsafe self.product = unsafe product }

    @inline(__always)
    func compute<let rows: Int>(_: Rows<rows>.Type, row: Int) {
        let blocks = unsafe product.blocks
        let quads = ByteLinear.block / 4
        let columns = wide &* V.scalarCount
        var tile = unsafe Sums<V, rows, wide>(rowsOf: product.bias)
        for turn in 0..<(unsafe product.passes &* blocks) {
            let block = turn < blocks ? turn : turn &- blocks
            let x = unsafe product.x + (row &* blocks &+ block) &* quads
            var panel = unsafe product.panel + turn &* quads &* columns
            var sums = InlineArray<rows, InlineArray<wide, V.Integers>>(
                repeating: InlineArray(repeating: V.repeating(Int32(0))))
            for k in 0..<quads {
                let b = InlineArray<wide, V.Integers> { unsafe panel.vector(V.self, $0) }
                unsafe panel += columns
                for r in 0..<rows {
                    let a: V.Integers = unsafe V.repeating(x[r &* blocks &* quads &+ k])
                    for c in 0..<wide { sums[r][c] = V.addQuads(sums[r][c], bytes: a, weights: b[c]) }
                }
            }
            for r in 0..<rows {
                let rowScale = unsafe V.repeating(product.rowScales[(row &+ r) &* blocks &+ block])
                let rowOffset = unsafe V.repeating(product.rowOffsets[(row &+ r) &* blocks &+ block])
                for c in 0..<wide {
                    let scale = unsafe rowScale * (product.columnScales + turn &* columns).vector(V.self, c)
                    let sum = unsafe (product.columnSums + turn &* columns).vector(V.self, c)
                    tile.sums[r][c] = V.multiplyAdd(
                        V(rounding: sums[r][c]), scale, V.multiplyAdd(rowOffset, sum, tile.sums[r][c]))
                }
            }
        }
        for r in 0..<rows {
            let y = unsafe product.y + (row &+ r) &* product.leadingY
            for c in 0..<wide {
                unsafe y.store(
                    tile.sums[r][c], c, columns: product.columns, adding: product.epilogue == .add)
            }
        }
        if unsafe product.epilogue == .gelu {
            let width = unsafe min(product.columns, columns)
            for r in 0..<rows { unsafe gelu(product.y + (row &+ r) &* product.leadingY, count: width) }
        }
    }
}

@safe private struct AttentionTile<V: FloatLanes, let wide: Int>: TileWork {
    let head: HeadAttention
    init(_ head: HeadAttention) { unsafe self.head = unsafe head }

    @inline(__always)
    func compute<let rows: Int>(_: Rows<rows>.Type, row: Int) {
        let width = wide &* V.scalarCount
        let panels = unsafe (head.length &+ width &- 1) / width
        let leading = panels &* width
        let query = unsafe head.queries + row &* head.leadingQueries
        for panel in 0..<panels {
            var tile = Sums<V, rows, wide>()
            unsafe tile.add(
                query, leading: head.leadingQueries, head.keys + panel &* width &* head.headSize, inner: head.headSize)
            for r in 0..<rows {
                let scores = unsafe head.scores + (r &* leading &+ panel &* width)
                for c in 0..<wide { unsafe scores.setVector(tile.sums[r][c], c) }
            }
        }
        var shares = InlineArray<rows, Float>(repeating: 0)
        for r in 0..<rows {
            shares[r] = unsafe 1 / exponentials(head.scores + r &* leading, count: head.length, padded: leading)
        }
        let context = unsafe head.context + row &* head.leadingContext
        for panel in 0..<(unsafe (head.headSize &+ width &- 1) / width) {
            var tile = Sums<V, rows, wide>()
            unsafe tile.add(
                head.scores, leading: leading, head.values + panel &* width &* head.length, inner: head.length)
            for r in 0..<rows {
                let share = V.repeating(shares[r])
                let row = unsafe context + (r &* head.leadingContext &+ panel &* width)
                let columns = unsafe head.headSize &- panel &* width
                for c in 0..<wide {
                    unsafe row.store(tile.sums[r][c] * share, c, columns: columns, adding: false)
                }
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

extension UnsafePointer<Int32> {
    /// Vector number `index` from here.
    @inline(__always)
    fileprivate func vector<V: FloatLanes>(_: V.Type, _ index: Int) -> V.Integers {
        unsafe UnsafeRawPointer(self + index &* V.scalarCount).loadUnaligned(as: V.Integers.self)
    }
}

extension UnsafeMutablePointer<Float> {
    /// Replaces vector number `index` from here.
    @inline(__always)
    fileprivate func setVector<V: FloatLanes>(_ vector: V, _ index: Int) {
        unsafe UnsafeMutableRawPointer(self + index &* V.scalarCount).storeBytes(of: vector, as: V.self)
    }

    /// Replaces vector number `index` of a row that has `columns` columns from here, or adds to it.
    @inline(__always)
    fileprivate func store<V: FloatLanes>(_ vector: V, _ index: Int, columns: Int, adding: Bool) {
        let first = index &* V.scalarCount
        if first &+ V.scalarCount <= columns {
            let old = unsafe adding ? UnsafePointer(self).vector(V.self, index) : V.repeating(Float(0))
            unsafe setVector(vector + old, index)
        } else {
            for i in first..<max(columns, first) {
                unsafe self[i] = vector[i &- first] + (adding ? self[i] : 0)
            }
        }
    }
}
