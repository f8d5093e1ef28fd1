#!/usr/bin/env bash
# Compiles MiniLM's kernels for aarch64 on any machine, as far as can be told without that system's SDK: with the embedded standard
# library, which every toolchain has, and stand-ins for what comes from a C library. Says how many multiply-adds the code has, and
# fails if a kernel calls libm for them.
# Usage: Scripts/check_aarch64.sh
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
kernels=(Tiles ElementaryFunctions Kernels PackedSequences PackedLinear ByteLinear FixedPointLinear GEMM)

sources=("${kernels[@]/%/.swift}")
sources=("${sources[@]/#/$work/}")
mkdir "$work/modules"
printf 'module CIntrinsics { umbrella header "%s" export * }\n' "$PWD/Sources/CIntrinsics/include/CIntrinsics.h" \
    >"$work/modules/module.modulemap"
for name in "${kernels[@]}"; do grep -v '^import CBLASShim' "Sources/MiniLM/$name.swift" >"$work/$name.swift"; done

cat >"$work/StandIns.swift" <<'END'
final class AlignedBuffer<Element: BitwiseCopyable>: @unchecked Sendable {
    let start: UnsafeMutablePointer<Element>
    init(count: Int, zero: Element) {
        start = .allocate(capacity: count)
        start.initialize(repeating: zero, count: count)
    }
}
struct Share: Sendable {
    static let leastBand = 32
    func columns(of count: Int) -> Range<Int> { 0..<count }
}
struct Tensor: @unchecked Sendable {
    let elements: UnsafeBufferPointer<Float>
    let shape: [Int]
    var count: Int { elements.count }
}
struct LayerNormParameters: Sendable { let weight, bias: Tensor }
struct EncoderWeights { let wordEmbeddings, positionEmbeddings, typeEmbeddings: Tensor }
enum Pooling { case cls, mean }
struct Workspace: ~Copyable {
    let keys, values, scores, largestScores, shares, rowScales, rowOffsets: AlignedBuffer<Float>
    let integers: AlignedBuffer<Int32>
}
let (CblasRowMajor, CblasNoTrans, CblasTrans) = (0, 0, 0)
func cblas_sgemm(
    _: Int, _: Int, _: Int, _: Int32, _: Int32, _: Int32, _: Float, _: UnsafePointer<Float>, _: Int32,
    _: UnsafePointer<Float>, _: Int32, _: Float, _: UnsafeMutablePointer<Float>, _: Int32
) {}
func cblas_shim_set_threads(_: Int) {}

/// What keeps the kernels from being left out.
public func use(_ y: UnsafeMutablePointer<Float>, _ tensor: UnsafeBufferPointer<Float>, _ workspace: Int, rows: Int) {
    let parameters = LinearParameters(
        stacking: [(Tensor(elements: tensor, shape: [384, 384]), Tensor(elements: tensor, shape: [384]))], scales: [1])
    func floats() -> AlignedBuffer<Float> { AlignedBuffer(count: workspace, zero: 0) }
    var space = Workspace(
        keys: floats(), values: floats(), scores: floats(), largestScores: floats(), shares: floats(),
        rowScales: floats(), rowOffsets: floats(),
        integers: AlignedBuffer(count: workspace, zero: 0))
    for precision: Precision in [.f32, .i16, .i8] {
        Linear(parameters, backend: .swift, precision: precision).apply(y, y, rows: rows, .gelu, Share(), &space)
    }
}
END

swiftc -O -wmo -emit-assembly -o "$work/kernels.s" -target aarch64-none-none-elf -enable-experimental-feature Embedded \
    -parse-as-library -module-name MiniLM -swift-version 6 -I "$work/modules" \
    "$work/StandIns.swift" "${sources[@]}" 2>&1 | grep -v -E 'warning|^ *[0-9]* *\||^$' || true
[[ -s $work/kernels.s ]] || { echo "the kernels do not compile for aarch64" >&2; exit 1; }
if grep -E '\bbl\s+(fmaf?|exp|expf)\b' "$work/kernels.s"; then
    echo "a kernel calls libm" >&2
    exit 1
fi
echo "aarch64: the kernels compile, with $(grep -c -w fmla "$work/kernels.s") vector multiply-adds and no call of libm"
