#!/usr/bin/env bash
# Compiles the encoder's forward pass for aarch64 on any machine, as far as can be told without that system's SDK: with the embedded
# standard library, which every toolchain has. The files are the real ones, from the model down to the tiles; what comes from a C
# library or Foundation (locks, threads, files) has stand-ins. Says how many multiply-adds the code has, and fails if it does not
# compile or calls libm.
# Usage: Scripts/check_aarch64.sh
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
files=(BertModel EncoderConfiguration EncoderWeights EncoderScratch PackedSequences Share StageClock GEMM PackedLinear
    FixedPointLinear ByteLinear Tiles Kernels ElementaryFunctions AlignedBuffer Tensor HalfTensor)

mkdir "$work/modules"
printf 'module CIntrinsics { umbrella header "%s" export * }\n' "$PWD/Sources/CIntrinsics/include/CIntrinsics.h" \
    >"$work/modules/module.modulemap"
# Without the imports of what is not there, and without what reads a model directory.
for name in "${files[@]}"; do
    sed -E -e '/^import (CBLASShim|Dispatch)$/d' -e '/^#if canImport\(/,/^#endif/d' -e '/^extension EncoderConfiguration/,$d' \
        "Sources/MiniLM/$name.swift" >"$work/$name.swift"
done

cat >"$work/StandIns.swift" <<'END'
final class Locked<Value>: @unchecked Sendable {
    private var value: Value
    init(_ value: Value) { self.value = value }
    func withLock<Result>(_ body: (inout Value) -> Result) -> Result { body(&value) }
}
final class SpinBarrier: Sendable {
    func wait() {}
}
enum DispatchQueue {
    static func concurrentPerform(iterations: Int, execute body: (Int) -> Void) { for i in 0..<iterations { body(i) } }
}
struct ContinuousClock {
    typealias Instant = Duration
    static var now: Instant { .zero }
}
extension Duration {
    static var now: Duration { .zero }
}
final class MappedFile: Sendable {}
enum SafetensorsError: Error { case invalidTensor(name: String, reason: String) }
struct SafetensorsFile {
    let tensors: [Tensor]
    func contains(_ name: String) -> Bool { tensors.count > 1 }
    func tensor(_ name: String, shape: [Int]) throws(SafetensorsError) -> Tensor {
        guard let tensor = tensors.first else { throw .invalidTensor(name: name, reason: "") }
        return tensor
    }
    func parameter(_ name: String, shape: [Int]) throws(SafetensorsError) -> Parameter {
        .floats(try tensor(name, shape: shape))
    }
}
let (CblasRowMajor, CblasNoTrans, CblasTrans) = (0, 0, 0)
func cblas_sgemm(
    _: Int, _: Int, _: Int, _: Int32, _: Int32, _: Int32, _: Float, _: UnsafePointer<Float>, _: Int32,
    _: UnsafePointer<Float>, _: Int32, _: Float, _: UnsafeMutablePointer<Float>, _: Int32
) {}
func cblas_shim_set_threads(_: Int32) {}

/// What keeps the forward pass from being left out.
public func use(_ vector: UnsafeMutablePointer<Float>, _ model: UnsafeRawPointer, _ ids: [Int32]) {
    let configuration = model.load(as: EncoderConfiguration.self)
    for precision: Precision in [.f32, .i16, .i8] {
        let file = model.load(as: SafetensorsFile.self)
        guard case .success(let weights) = Result(catching: { () throws(SafetensorsError) in
            try EncoderWeights(file, configuration, backend: .swift, precision: precision)
        }) else { return }
        let model = BertModel(configuration: configuration, weights: weights)
        let activations = Activations(configuration, capacity: ids.count)
        var workspace = Workspace(configuration, precision: precision)
        activations.begin(count: 1) { _ in ids }
        let share = Share(member: ids.count % 2, members: 2, split: ids.isEmpty ? .rows : .columns, barrier: SpinBarrier())
        model.forward(activations, &workspace, share)
        model.pool(vector, activations, sequence: 0)
    }
}
END

swiftc -O -wmo -emit-assembly -o "$work/encoder.s" -target aarch64-none-none-elf -enable-experimental-feature Embedded \
    -parse-as-library -module-name MiniLM -package-name minilm -swift-version 6 -suppress-warnings -I "$work/modules" \
    "$work"/*.swift || { echo "the encoder does not compile for aarch64" >&2; exit 1; }
if grep -E '\b(bl|b)\s+(fma|exp|exp2|erf|erfc|tanh)f?$' "$work/encoder.s"; then
    echo "the encoder calls libm" >&2
    exit 1
fi
echo "aarch64: the encoder compiles, with $(grep -c -w fmla "$work/encoder.s") vector multiply-adds and no call of libm"
