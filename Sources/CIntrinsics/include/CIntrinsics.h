// The few machine instructions Swift cannot spell, and the facts about the build that kernels choose by.
#ifndef C_INTRINSICS_H
#define C_INTRINSICS_H

#include <stdint.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

// Sets of instructions, a bit each, for telling a build for another processor before it ends by SIGILL. Of x86-64; elsewhere none.

/// Those this build may use.
uint32_t cintrinsics_sets_of_build(void);
/// Those this processor has, and the system lets us use.
uint32_t cintrinsics_sets_of_processor(void);
/// The name of a set, as in `-mavx512vnni` without the `-m`; NULL behind the last. Static storage.
const char *cintrinsics_set_name(int number);
/// The name of the newest set in `built` that is not in `present`; NULL if there is none.
const char *cintrinsics_newest_missing(uint32_t built, uint32_t present);

/// 1 when this build may emit a fused multiply-add instruction (x86-64 built with -mfma, every aarch64). Without it Swift's
/// `addingProduct` is a libm call per lane, so kernels fall back to `a + b * c`.
#if defined(__FMA__) || defined(__aarch64__)
#define CINTRINSICS_HAS_FMA 1
#else
#define CINTRINSICS_HAS_FMA 0
#endif

/// The same as a function, for Swift: the optimiser folds it, and the compiler does not warn about the branch not taken.
static inline _Bool cintrinsics_has_fma(void) { return CINTRINSICS_HAS_FMA; }

/// Floats of a vector register: 16 with AVX-512, 8 with AVX, 4 otherwise (SSE, NEON).
static inline int cintrinsics_register_floats(void) {
#if defined(__AVX512F__) && defined(__AVX512BW__)
    return 16;
#elif defined(__AVX__)
    return 8;
#else
    return 4;
#endif
}

/// Whether there are 32 vector registers (AVX-512, aarch64) and not 16.
static inline _Bool cintrinsics_has_32_registers(void) {
#if defined(__AVX512F__) || defined(__aarch64__)
    return 1;
#else
    return 0;
#endif
}

/// The vector instructions this build may use. Static storage.
static inline const char *cintrinsics_instructions(void) {
#if defined(__AVX512VNNI__)
    return "AVX-512, VNNI";
#elif defined(__AVX512BW__)
    return "AVX-512";
#elif defined(__AVXVNNI__)
    return "AVX2, FMA, VNNI";
#elif defined(__AVX2__) && defined(__FMA__)
    return "AVX2, FMA";
#elif defined(__AVX__)
    return "AVX";
#elif defined(__aarch64__)
    return "NEON";
#else
    return "SSE2";
#endif
}

/// Asks for the cache line at `address`, to be read soon and kept in every level.
static inline void cintrinsics_prefetch(const void *address) { __builtin_prefetch(address, 0, 3); }

/// Asks for the cache line at `address`, to be read some microseconds from now: into the second level.
static inline void cintrinsics_prefetch_second_level(const void *address) { __builtin_prefetch(address, 0, 2); }

/// Asks for the cache line at `address`, to be written soon: for this core alone where the build has the instruction.
static inline void cintrinsics_prefetch_for_writing(const void *address) { __builtin_prefetch(address, 1, 3); }

/// Tells the processor that this is a loop waiting for another thread.
static inline void cintrinsics_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/// Vectors as Swift imports them: SIMD8<Int32>, SIMD16<Float> and so on.
typedef int cintrinsics_int8 __attribute__((vector_size(32)));
typedef int cintrinsics_int16 __attribute__((vector_size(64)));
typedef float cintrinsics_float4 __attribute__((vector_size(16)));
typedef float cintrinsics_float8 __attribute__((vector_size(32)));
typedef float cintrinsics_float16 __attribute__((vector_size(64)));

#define CINTRINSICS_INLINE static inline __attribute__((always_inline))

/// Halves of a vector of sixteen, of one of eight, and two halves as one of sixteen.
#define CINTRINSICS_LOW8(a) __builtin_shufflevector(a, a, 0, 1, 2, 3, 4, 5, 6, 7)
#define CINTRINSICS_HIGH8(a) __builtin_shufflevector(a, a, 8, 9, 10, 11, 12, 13, 14, 15)
#define CINTRINSICS_LOW4(a) __builtin_shufflevector(a, a, 0, 1, 2, 3)
#define CINTRINSICS_HIGH4(a) __builtin_shufflevector(a, a, 4, 5, 6, 7)
#define CINTRINSICS_JOIN8(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)

/// Int32 to Float, lane by lane. (Swift's own generic conversion is a loop of calls.)
CINTRINSICS_INLINE cintrinsics_float8 cintrinsics_to_float8(cintrinsics_int8 x) {
    return __builtin_convertvector(x, cintrinsics_float8);
}
CINTRINSICS_INLINE cintrinsics_float16 cintrinsics_to_float16(cintrinsics_int16 x) {
    return __builtin_convertvector(x, cintrinsics_float16);
}

/// The larger or smaller of each lane; `b` must be a number, and is the result where `a` is none.
///
/// One instruction on x86. (Swift's masks for it take several on AVX-512, and so does C's fmax, which asks whether `b` is a number.)
CINTRINSICS_INLINE cintrinsics_float4 cintrinsics_max4(cintrinsics_float4 a, cintrinsics_float4 b) {
#if defined(__x86_64__)
    return (cintrinsics_float4)_mm_max_ps((__m128)a, (__m128)b);
#else
    return __builtin_elementwise_max(a, b);
#endif
}
CINTRINSICS_INLINE cintrinsics_float8 cintrinsics_max8(cintrinsics_float8 a, cintrinsics_float8 b) {
#if defined(__AVX__)
    return (cintrinsics_float8)_mm256_max_ps((__m256)a, (__m256)b);
#else
    return __builtin_elementwise_max(a, b);
#endif
}
CINTRINSICS_INLINE cintrinsics_float16 cintrinsics_max16(cintrinsics_float16 a, cintrinsics_float16 b) {
#if defined(__AVX512F__)
    return (cintrinsics_float16)_mm512_max_ps((__m512)a, (__m512)b);
#else
    cintrinsics_float8 low = cintrinsics_max8(CINTRINSICS_LOW8(a), CINTRINSICS_LOW8(b));
    cintrinsics_float8 high = cintrinsics_max8(CINTRINSICS_HIGH8(a), CINTRINSICS_HIGH8(b));
    return CINTRINSICS_JOIN8(low, high);
#endif
}
CINTRINSICS_INLINE cintrinsics_float16 cintrinsics_min16(cintrinsics_float16 a, cintrinsics_float16 b) {
#if defined(__AVX512F__)
    return (cintrinsics_float16)_mm512_min_ps((__m512)a, (__m512)b);
#else
    return -cintrinsics_max16(-a, -b);
#endif
}

/// The magnitude of each lane.
CINTRINSICS_INLINE cintrinsics_float8 cintrinsics_abs8(cintrinsics_float8 a) { return __builtin_elementwise_abs(a); }
CINTRINSICS_INLINE cintrinsics_float16 cintrinsics_abs16(cintrinsics_float16 a) { return __builtin_elementwise_abs(a); }

/// 2 to the whole part of each lane, ⌊x⌋, is a factor by adding to the exponent's bits; below -126 it would not be a normal float.
///
/// x - ⌊x⌋, and a · 2^⌊x⌋ for a in 1...2 and x up to 127. Where AVX-512 has no instruction for it, an x below -126 stands for -126 in
/// both; with the instructions the second goes on to zero, and what is no number stays none.
#if defined(__AVX512F__) && defined(__AVX512DQ__)
CINTRINSICS_INLINE cintrinsics_float16 cintrinsics_fraction16(cintrinsics_float16 x) {
    return (cintrinsics_float16)_mm512_reduce_ps((__m512)x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
}
CINTRINSICS_INLINE cintrinsics_float16 cintrinsics_scale16(cintrinsics_float16 a, cintrinsics_float16 x) {
    return (cintrinsics_float16)_mm512_scalef_ps((__m512)a, (__m512)x);
}
#else
CINTRINSICS_INLINE cintrinsics_int16 cintrinsics_floor16(cintrinsics_float16 x) {
    cintrinsics_int16 whole = __builtin_convertvector(x, cintrinsics_int16);
    // A comparison that holds is -1.
    return whole + (__builtin_convertvector(whole, cintrinsics_float16) > x);
}
CINTRINSICS_INLINE cintrinsics_float16 cintrinsics_fraction16(cintrinsics_float16 x) {
    cintrinsics_float16 clamped = cintrinsics_max16(x, (cintrinsics_float16){} - 126);
    return clamped - __builtin_convertvector(cintrinsics_floor16(clamped), cintrinsics_float16);
}
CINTRINSICS_INLINE cintrinsics_float16 cintrinsics_scale16(cintrinsics_float16 a, cintrinsics_float16 x) {
    cintrinsics_float16 clamped = cintrinsics_max16(x, (cintrinsics_float16){} - 126);
    return (cintrinsics_float16)((cintrinsics_int16)a + (cintrinsics_floor16(clamped) << 23));
}
#endif

/// The largest or smallest of all lanes, or their sum: half the lanes with the other half, four times. (The compiler's own reductions
/// and Swift's `sum()` go lane by lane, each waiting for the last one.)
CINTRINSICS_INLINE float cintrinsics_largest8(cintrinsics_float8 a) {
    cintrinsics_float4 b = cintrinsics_max4(CINTRINSICS_LOW4(a), CINTRINSICS_HIGH4(a));
    b = cintrinsics_max4(b, __builtin_shufflevector(b, b, 2, 3, 0, 1));
    return cintrinsics_max4(b, __builtin_shufflevector(b, b, 1, 0, 3, 2))[0];
}
CINTRINSICS_INLINE float cintrinsics_largest16(cintrinsics_float16 a) {
    return cintrinsics_largest8(cintrinsics_max8(CINTRINSICS_LOW8(a), CINTRINSICS_HIGH8(a)));
}
CINTRINSICS_INLINE float cintrinsics_smallest16(cintrinsics_float16 a) { return -cintrinsics_largest16(-a); }
CINTRINSICS_INLINE float cintrinsics_sum8(cintrinsics_float8 a) {
    cintrinsics_float4 b = CINTRINSICS_LOW4(a) + CINTRINSICS_HIGH4(a);
    b += __builtin_shufflevector(b, b, 2, 3, 0, 1);
    return b[0] + b[1];
}
CINTRINSICS_INLINE float cintrinsics_sum16(cintrinsics_float16 a) {
    return cintrinsics_sum8(CINTRINSICS_LOW8(a) + CINTRINSICS_HIGH8(a));
}

/// The first `count` lanes of a, 0 to all of them, and b in the others.
CINTRINSICS_INLINE cintrinsics_float8 cintrinsics_first8(int count, cintrinsics_float8 a, cintrinsics_float8 b) {
    const cintrinsics_int8 numbers = {0, 1, 2, 3, 4, 5, 6, 7};
    cintrinsics_int8 first = numbers < count;
    return (cintrinsics_float8)(((cintrinsics_int8)a & first) | ((cintrinsics_int8)b & ~first));
}
CINTRINSICS_INLINE cintrinsics_float16 cintrinsics_first16(int count, cintrinsics_float16 a, cintrinsics_float16 b) {
#if defined(__AVX512F__)
    return (cintrinsics_float16)_mm512_mask_blend_ps((__mmask16)((1u << count) - 1), (__m512)b, (__m512)a);
#else
    const cintrinsics_int16 numbers = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    cintrinsics_int16 first = numbers < count;
    return (cintrinsics_float16)(((cintrinsics_int16)a & first) | ((cintrinsics_int16)b & ~first));
#endif
}

/// The lower 16 bits of each lane of a, and behind them those of b. One instruction with AVX-512.
CINTRINSICS_INLINE cintrinsics_int16 cintrinsics_low_halves16(cintrinsics_int16 a, cintrinsics_int16 b) {
    typedef short halves __attribute__((vector_size(64)));
    return (cintrinsics_int16)__builtin_shufflevector(
        (halves)a, (halves)b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 34, 36, 38, 40, 42, 44, 46,
        48, 50, 52, 54, 56, 58, 60, 62);
}

/// columns[i * stride + j] = rows[j * leading + i], for i and j of 0 to 7; a j beyond `last` stands for `last`.
CINTRINSICS_INLINE void cintrinsics_transpose8x8(
    float *columns, long stride, const float *rows, long leading, long last) {
    typedef float unaligned __attribute__((vector_size(32), aligned(4)));
    cintrinsics_float8 row[8], pair[8], quad[8];
    for (long j = 0; j < 8; j++) row[j] = *(const unaligned *)(rows + (j < last ? j : last) * leading);
    // Two rows' elements beside each other, then four rows', then all: within halves of a register, which costs least.
    for (int j = 0; j < 8; j += 2) {
        pair[j] = __builtin_shufflevector(row[j], row[j + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        pair[j + 1] = __builtin_shufflevector(row[j], row[j + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
    for (int j = 0; j < 8; j += 4) {
        for (int i = 0; i < 2; i++) {
            quad[j + 2 * i] = __builtin_shufflevector(pair[j + i], pair[j + i + 2], 0, 1, 8, 9, 4, 5, 12, 13);
            quad[j + 2 * i + 1] = __builtin_shufflevector(pair[j + i], pair[j + i + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        }
    }
    for (int i = 0; i < 4; i++) {
        *(unaligned *)(columns + i * stride) =
            __builtin_shufflevector(quad[i], quad[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        *(unaligned *)(columns + (i + 4) * stride) =
            __builtin_shufflevector(quad[i], quad[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
}

/// sum + a.low * b.low + a.high * b.high in each lane, a lane of a and b being a pair of 16-bit integers. The sum wraps.
///
/// One instruction with VNNI (vpdpwssd), two with AVX2 or AVX-512 (vpmaddwd, vpaddd).
CINTRINSICS_INLINE cintrinsics_int8 cintrinsics_dot2x8(cintrinsics_int8 sum, cintrinsics_int8 a, cintrinsics_int8 b) {
#if defined(__AVX512VNNI__) && defined(__AVX512VL__)
    return (cintrinsics_int8)_mm256_dpwssd_epi32((__m256i)sum, (__m256i)a, (__m256i)b);
#elif defined(__AVXVNNI__)
    return (cintrinsics_int8)_mm256_dpwssd_avx_epi32((__m256i)sum, (__m256i)a, (__m256i)b);
#elif defined(__AVX2__)
    return (cintrinsics_int8)_mm256_add_epi32((__m256i)sum, _mm256_madd_epi16((__m256i)a, (__m256i)b));
#elif defined(__SSE2__)
    typedef int half __attribute__((vector_size(16)));
    half low = (half)_mm_madd_epi16(
        (__m128i)__builtin_shufflevector(a, a, 0, 1, 2, 3), (__m128i)__builtin_shufflevector(b, b, 0, 1, 2, 3));
    half high = (half)_mm_madd_epi16(
        (__m128i)__builtin_shufflevector(a, a, 4, 5, 6, 7), (__m128i)__builtin_shufflevector(b, b, 4, 5, 6, 7));
    return sum + __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7);
#else
    return sum + (a << 16 >> 16) * (b << 16 >> 16) + (a >> 16) * (b >> 16);
#endif
}
CINTRINSICS_INLINE cintrinsics_int16 cintrinsics_dot2x16(
    cintrinsics_int16 sum, cintrinsics_int16 a, cintrinsics_int16 b) {
#if defined(__AVX512VNNI__)
    // Spelled, because LLVM makes two instructions of the intrinsic where it believes their latency to be shorter: twice the work of
    // a tile whose many sums hide it.
    __asm__("vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
    return sum;
#elif defined(__AVX512BW__)
    return (cintrinsics_int16)_mm512_add_epi32((__m512i)sum, _mm512_madd_epi16((__m512i)a, (__m512i)b));
#else
    return sum + (a << 16 >> 16) * (b << 16 >> 16) + (a >> 16) * (b >> 16);
#endif
}

/// sum + the four products of neighbouring bytes in each lane: those of a without sign, those of b with it. Exact; the sum wraps.
///
/// One instruction with VNNI (vpdpbusd). Elsewhere the bytes are widened, even and odd ones apart, so that nothing saturates as
/// vpmaddubsw would: as many multiplications as with 16-bit integers, and half the memory.
CINTRINSICS_INLINE cintrinsics_int8 cintrinsics_dot4x8(cintrinsics_int8 sum, cintrinsics_int8 a, cintrinsics_int8 b) {
#if defined(__AVX512VNNI__) && defined(__AVX512VL__)
    return (cintrinsics_int8)_mm256_dpbusd_epi32((__m256i)sum, (__m256i)a, (__m256i)b);
#elif defined(__AVXVNNI__)
    return (cintrinsics_int8)_mm256_dpbusd_avx_epi32((__m256i)sum, (__m256i)a, (__m256i)b);
#else
    typedef short halves __attribute__((vector_size(32)));
    typedef unsigned short unsigned_halves __attribute__((vector_size(32)));
    cintrinsics_int8 even_a = a & 0x00ff00ff, odd_a = (cintrinsics_int8)((unsigned_halves)a >> 8);
    cintrinsics_int8 even_b = (cintrinsics_int8)((halves)((unsigned_halves)b << 8) >> 8);
    cintrinsics_int8 odd_b = (cintrinsics_int8)((halves)b >> 8);
    return cintrinsics_dot2x8(cintrinsics_dot2x8(sum, even_a, even_b), odd_a, odd_b);
#endif
}
CINTRINSICS_INLINE cintrinsics_int16 cintrinsics_dot4x16(
    cintrinsics_int16 sum, cintrinsics_int16 a, cintrinsics_int16 b) {
#if defined(__AVX512VNNI__)
    return (cintrinsics_int16)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)a, (__m512i)b);
#else
    typedef short halves __attribute__((vector_size(64)));
    typedef unsigned short unsigned_halves __attribute__((vector_size(64)));
    cintrinsics_int16 even_a = a & 0x00ff00ff, odd_a = (cintrinsics_int16)((unsigned_halves)a >> 8);
    cintrinsics_int16 even_b = (cintrinsics_int16)((halves)((unsigned_halves)b << 8) >> 8);
    cintrinsics_int16 odd_b = (cintrinsics_int16)((halves)b >> 8);
    return cintrinsics_dot2x16(cintrinsics_dot2x16(sum, even_a, even_b), odd_a, odd_b);
#endif
}

#include "CIntrinsicsIndex.h"

#endif
