#!/usr/bin/env bash
# The encoder as it is built for other processors than the tests' own: for any x86-64 (SSE2) and for Haswell (AVX2, FMA), optimised,
# with the goldens and the tests of products and kernels run, and no call of libm in its machine code; for aarch64 as far as can be
# told here (Scripts/check_aarch64.sh). On other machines than x86-64 only the plain build, and on x86-64 without AVX2.
set -euo pipefail
cd "$(dirname "$0")/.."

export MINILM_WEIGHTS=$PWD/weights/all-MiniLM-L6-v2
builds=(plain)
[[ $(uname -m) == x86_64 ]] && grep -q avx2 /proc/cpuinfo && builds+=(haswell)

# portable COMMAND BUILD …: `swift COMMAND …` of that build.
portable() {
    local command=$1 build=$2 march=()
    shift 2
    [[ $build == plain ]] || march=(-Xcc "-march=$build")
    swift "$command" --quiet --package-path Tests/Portable --scratch-path "Tests/Portable/.build/$build" -c release \
        -Xswiftc -enable-testing ${march[@]+"${march[@]}"} "$@"
}

# Each is a module as a whole, which is one thread's work: two at a time.
started=()
trap 'kill ${started[@]+"${started[@]}"} 2>/dev/null || true' EXIT
for build in "${builds[@]}"; do
    portable build "$build" --build-tests &
    started+=($!)
done
for process in "${started[@]}"; do wait "$process"; done

for build in "${builds[@]}"; do
    portable test "$build" --skip-build
    # What is not inlined would be a call per number. (A square root is one per row, a rounding one per weight when they are
    # loaded.)
    objects=("Tests/Portable/.build/$build"/release/MiniLM.build/*.o)
    [[ -e ${objects[0]} ]] || { echo "portable, $build: no machine code to look at" >&2; exit 1; }
    calls=$(nm --undefined-only "${objects[@]}" | grep -wE '_?(fma|exp|exp2|erf|erfc|tanh|floor|rint)f?' || true)
    if [[ $calls ]]; then
        printf 'portable, %s: the encoder calls libm:\n%s\n' "$build" "$calls" >&2
        exit 1
    fi
    echo "portable, $build: the tests pass, no call of libm"
done
Scripts/check_aarch64.sh
