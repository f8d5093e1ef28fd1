// The one place where matrices are multiplied. Everything the forward pass needs of a BLAS is below; another back end
// replaces these functions and nothing else.

import CBLASShim

/// Makes one BLAS call use one thread, process-wide: workers are the encoder's own, a slice each.
///
/// Two workers with a slice each are 9 to 30 % faster than one two-threaded GEMM, which below 64 rows is slower than one
/// thread alone.
func useSingleThreadedBLAS() {
    cblas_shim_set_threads(1)
}

/// y = x · Wᵀ + b.   x: [rows, inDim]   W: [outDim, inDim]   b: [outDim]   y: [rows, outDim]
///
/// Arrays may be longer than `rows`; they must have `leastRows` rows, because fewer are computed as that many.
func linear(_ y: inout [Float], _ x: [Float], _ layer: Linear, rows: Int) {
    let (outDim, inDim) = (layer.weight.shape[0], layer.weight.shape[1])
    let rows = max(rows, leastRows(outDim: outDim, inDim: inDim))
    precondition(x.count >= rows * inDim && y.count >= rows * outDim && layer.bias.count == outDim)
    unsafe x.withUnsafeBufferPointer { x in
        unsafe y.withUnsafeMutableBufferPointer { y in
            // The bias is what the products are added to: as cheap as the zeros BLAS would write instead.
            for row in 0..<rows {
                _ = unsafe UnsafeMutableBufferPointer(rebasing: y[row * outDim..<(row + 1) * outDim])
                    .update(fromContentsOf: layer.bias.elements)
            }
            unsafe gemm(
                y.baseAddress!, leading: outDim, x.baseAddress!, leading: inDim,
                transposed: layer.weight.elements.baseAddress!, leading: inDim,
                rows: rows, columns: outDim, inner: inDim, adding: true)
        }
    }
}

/// The fewest rows `linear` computes, so that a row's result does not depend on how many others there are.
///
/// OpenBLAS has other kernels, which sum in another order, for products of up to 10⁶ multiplications: 6 rows of MiniLM's
/// smallest matrix. Bounded, because matrices below 125 × 125 would need more rows than the guarantee is worth.
func leastRows(outDim: Int, inDim: Int) -> Int {
    min(1_000_000 / (outDim * inDim) + 1, 64)
}

/// c = scale · a · bᵀ, or c + scale · a · bᵀ.   a: [rows, inner]   b: [columns, inner]   c: [rows, columns]
///
/// `leading` is the distance between the beginnings of two rows.
func gemm(
    _ c: UnsafeMutablePointer<Float>, leading ldc: Int, _ a: UnsafePointer<Float>, leading lda: Int,
    transposed b: UnsafePointer<Float>, leading ldb: Int, rows: Int, columns: Int, inner: Int, scale: Float = 1,
    adding: Bool = false
) {
    unsafe cblas_sgemm(
        CblasRowMajor, CblasNoTrans, CblasTrans, Int32(rows), Int32(columns), Int32(inner), scale, a, Int32(lda), b,
        Int32(ldb), adding ? 1 : 0, c, Int32(ldc))
}

/// c = a · b.   a: [rows, inner]   b: [inner, columns]   c: [rows, columns]
func gemm(
    _ c: UnsafeMutablePointer<Float>, leading ldc: Int, _ a: UnsafePointer<Float>, leading lda: Int,
    _ b: UnsafePointer<Float>, leading ldb: Int, rows: Int, columns: Int, inner: Int
) {
    unsafe cblas_sgemm(
        CblasRowMajor, CblasNoTrans, CblasNoTrans, Int32(rows), Int32(columns), Int32(inner), 1, a, Int32(lda), b,
        Int32(ldb), 0, c, Int32(ldc))
}
