// What the index needs beyond Swift: dot products of 8-bit codes kept in halves, prefetch of a range, and loads and stores of shared
// integers with their ordering said. Included by CIntrinsics.h.
#ifndef C_INTRINSICS_INDEX_H
#define C_INTRINSICS_INDEX_H

#include <stddef.h>
#include <stdint.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

#if defined(__x86_64__)
#include <immintrin.h>
#endif

// Codes of vectors. An element's code, -127...127, is kept as code + 128 = 16·high + low, the high halves of all elements in one plane
// of count / 2 bytes, the low halves in another behind it: byte j of a plane's line k has element 128k + j in its lower four bits and
// element 128k + 64 + j in its upper. `count` is a multiple of 128 everywhere, and elements beyond a vector's last are 0.

/// code: [count], -127...127; planes: [count] bytes, high halves first
static inline void cintrinsics_pack_planes(const int8_t *code, uint8_t *planes, ptrdiff_t count) {
    uint8_t *high = planes, *low = planes + count / 2;
    for (ptrdiff_t i = 0; i < count; i += 128)
        for (ptrdiff_t j = 0; j < 64; j++) {
            uint8_t a = (uint8_t)(code[i + j] + 128), b = (uint8_t)(code[i + j + 64] + 128);
            high[i / 2 + j] = (uint8_t)(a >> 4 | (b & 0xf0));
            low[i / 2 + j] = (uint8_t)((a & 15) | b << 4);
        }
}

/// The reverse. Returns Σ code[i].
static inline int32_t cintrinsics_unpack_planes(const uint8_t *planes, int8_t *code, ptrdiff_t count) {
    const uint8_t *high = planes, *low = planes + count / 2;
    int32_t sum = 0;
    for (ptrdiff_t i = 0; i < count; i += 128)
        for (ptrdiff_t j = 0; j < 64; j++) {
            uint8_t h = high[i / 2 + j], l = low[i / 2 + j];
            int8_t a = (int8_t)((uint8_t)(h << 4 | (l & 15)) ^ 0x80), b = (int8_t)((uint8_t)((h & 0xf0) | l >> 4) ^ 0x80);
            code[i + j] = a;
            code[i + j + 64] = b;
            sum += a + b;
        }
    return sum;
}

#if defined(__AVX512VNNI__) && defined(__AVX512BW__)
#define CINTRINSICS_LINE_DOT(sum, line, b0, b1)                                                                     \
    sum = _mm512_dpbusd_epi32(sum, _mm512_and_si512(line, fours), b0);                                              \
    sum = _mm512_dpbusd_epi32(sum, _mm512_and_si512(_mm512_srli_epi16(line, 4), fours), b1)
#endif

/// Σ plane[i]·b[i] of one plane, its halves taken as 0...15.   b: [count], -127...127. Exact.
static inline int32_t cintrinsics_dot_plane(const uint8_t *plane, const int8_t *b, ptrdiff_t count) {
#if defined(__AVX512VNNI__) && defined(__AVX512BW__)
    const __m512i fours = _mm512_set1_epi8(15);
    __m512i sum = _mm512_setzero_si512();
    for (ptrdiff_t i = 0; i < count; i += 128) {
        __m512i b0 = _mm512_loadu_si512(b + i), b1 = _mm512_loadu_si512(b + i + 64);
        __m512i line = _mm512_loadu_si512(plane + i / 2);
        CINTRINSICS_LINE_DOT(sum, line, b0, b1);
    }
    return _mm512_reduce_add_epi32(sum);
#elif defined(__AVX2__)
    // 2·15·127 < 2¹⁵: nothing saturates, and four such sums fit 16 bits as well.
    const __m256i fours = _mm256_set1_epi8(15), ones = _mm256_set1_epi16(1);
    __m256i sum = _mm256_setzero_si256();
    for (ptrdiff_t i = 0; i < count; i += 128) {
        __m256i x = _mm256_loadu_si256((const __m256i *)(plane + i / 2));
        __m256i y = _mm256_loadu_si256((const __m256i *)(plane + i / 2 + 32));
        const __m256i *c = (const __m256i *)(b + i);
        __m256i p = _mm256_maddubs_epi16(_mm256_and_si256(x, fours), _mm256_loadu_si256(c));
        __m256i q = _mm256_maddubs_epi16(_mm256_and_si256(y, fours), _mm256_loadu_si256(c + 1));
        p = _mm256_add_epi16(
            p, _mm256_maddubs_epi16(_mm256_and_si256(_mm256_srli_epi16(x, 4), fours), _mm256_loadu_si256(c + 2)));
        q = _mm256_add_epi16(
            q, _mm256_maddubs_epi16(_mm256_and_si256(_mm256_srli_epi16(y, 4), fours), _mm256_loadu_si256(c + 3)));
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_add_epi16(p, q), ones));
    }
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1));
    return _mm_cvtsi128_si32(s);
#else
    int32_t sum = 0;
    for (ptrdiff_t i = 0; i < count; i += 128)
        for (ptrdiff_t j = 0; j < 64; j++)
            sum += (plane[i / 2 + j] & 15) * b[i + j] + (plane[i / 2 + j] >> 4) * b[i + j + 64];
    return sum;
#endif
}

/// Σ code[i]·b[i], from both planes of the code.   sum_b: Σ b[i]. Exact.
static inline int32_t cintrinsics_dot_planes(const uint8_t *planes, const int8_t *b, ptrdiff_t count, int32_t sum_b) {
#if defined(__AVX512VNNI__) && defined(__AVX512BW__)
    const __m512i fours = _mm512_set1_epi8(15);
    __m512i high = _mm512_setzero_si512(), low = high;
    for (ptrdiff_t i = 0; i < count; i += 128) {
        __m512i b0 = _mm512_loadu_si512(b + i), b1 = _mm512_loadu_si512(b + i + 64);
        __m512i h = _mm512_loadu_si512(planes + i / 2), l = _mm512_loadu_si512(planes + count / 2 + i / 2);
        CINTRINSICS_LINE_DOT(high, h, b0, b1);
        CINTRINSICS_LINE_DOT(low, l, b0, b1);
    }
    return _mm512_reduce_add_epi32(_mm512_add_epi32(_mm512_slli_epi32(high, 4), low)) - 128 * sum_b;
#else
    return 16 * cintrinsics_dot_plane(planes, b, count) + cintrinsics_dot_plane(planes + count / 2, b, count) -
           128 * sum_b;
#endif
}

typedef int cintrinsics_int4 __attribute__((vector_size(16)));
typedef float cintrinsics_float4 __attribute__((vector_size(16)));
static inline cintrinsics_float4 cintrinsics_to_float4(cintrinsics_int4 x) {
    return __builtin_convertvector(x, cintrinsics_float4);
}

/// `cintrinsics_dot_plane` of four planes: the query is read once, and four sums are added up with the shuffles of one.
static inline cintrinsics_int4 cintrinsics_dot_plane4(
    const uint8_t *p0, const uint8_t *p1, const uint8_t *p2, const uint8_t *p3, const int8_t *b, ptrdiff_t count) {
#if defined(__AVX512VNNI__) && defined(__AVX512BW__)
    const __m512i fours = _mm512_set1_epi8(15);
    __m512i s0 = _mm512_setzero_si512(), s1 = s0, s2 = s0, s3 = s0;
    for (ptrdiff_t i = 0; i < count; i += 128) {
        __m512i b0 = _mm512_loadu_si512(b + i), b1 = _mm512_loadu_si512(b + i + 64);
        __m512i line = _mm512_loadu_si512(p0 + i / 2);
        CINTRINSICS_LINE_DOT(s0, line, b0, b1);
        line = _mm512_loadu_si512(p1 + i / 2);
        CINTRINSICS_LINE_DOT(s1, line, b0, b1);
        line = _mm512_loadu_si512(p2 + i / 2);
        CINTRINSICS_LINE_DOT(s2, line, b0, b1);
        line = _mm512_loadu_si512(p3 + i / 2);
        CINTRINSICS_LINE_DOT(s3, line, b0, b1);
    }
    __m512i s01 = _mm512_add_epi32(_mm512_unpacklo_epi32(s0, s1), _mm512_unpackhi_epi32(s0, s1));
    __m512i s23 = _mm512_add_epi32(_mm512_unpacklo_epi32(s2, s3), _mm512_unpackhi_epi32(s2, s3));
    __m512i s = _mm512_add_epi32(_mm512_unpacklo_epi64(s01, s23), _mm512_unpackhi_epi64(s01, s23));
    __m256i t = _mm256_add_epi32(_mm512_castsi512_si256(s), _mm512_extracti64x4_epi64(s, 1));
    return (cintrinsics_int4)_mm_add_epi32(_mm256_castsi256_si128(t), _mm256_extracti128_si256(t, 1));
#else
    cintrinsics_int4 dots = {
        cintrinsics_dot_plane(p0, b, count), cintrinsics_dot_plane(p1, b, count), cintrinsics_dot_plane(p2, b, count),
        cintrinsics_dot_plane(p3, b, count)};
    return dots;
#endif
}

/// Rounds x · inverse to the nearest integer, ties to even, for |x · inverse| <= 127.   code: [count]. Returns Σ code[i]²; sum: Σ code[i]
static inline int64_t cintrinsics_round_i8(
    const float *x, float inverse, int8_t *code, ptrdiff_t count, int32_t *sum) {
    // Added to 1.5 · 2²³ a float keeps its integer part, rounded, in its lowest bits.
    const float magic = 12582912.0f;
    int32_t total = 0, squares = 0;
    for (ptrdiff_t i = 0; i < count; i++) {
        union {
            float value;
            int32_t bits;
        } shifted = {x[i] * inverse + magic};
        int32_t rounded = shifted.bits - 0x4b400000;
        code[i] = (int8_t)rounded;
        total += rounded;
        squares += rounded * rounded;
    }
    *sum = total;
    // At most 4096 · 127² < 2³¹.
    return squares;
}

/// max |x[i]|
static inline float cintrinsics_largest_magnitude(const float *x, ptrdiff_t count) {
    float lanes[16] = {0};
    ptrdiff_t i = 0;
    for (; i + 16 <= count; i += 16)
        for (int j = 0; j < 16; j++) {
            float magnitude = __builtin_fabsf(x[i + j]);
            lanes[j] = magnitude > lanes[j] ? magnitude : lanes[j];
        }
    for (; i < count; i++) {
        float magnitude = __builtin_fabsf(x[i]);
        lanes[0] = magnitude > lanes[0] ? magnitude : lanes[0];
    }
    for (int j = 1; j < 16; j++) lanes[0] = lanes[j] > lanes[0] ? lanes[j] : lanes[0];
    return lanes[0];
}

/// Whether no element is infinite or NaN.
static inline _Bool cintrinsics_all_finite(const float *x, ptrdiff_t count) {
    // Zero times a finite number is a zero of either sign; times another, NaN, whose bits survive the or.
    uint32_t bits = 0;
    for (ptrdiff_t i = 0; i < count; i++) {
        union {
            float value;
            uint32_t bits;
        } product = {x[i] * 0.0f};
        bits |= product.bits;
    }
    return (bits & 0x7fffffff) == 0;
}

/// One bit for each of four numbers: whether it is not above a limit. NaN is not.
static inline uint32_t cintrinsics_not_above(cintrinsics_float4 x, float limit) {
#if defined(__SSE__)
    return (uint32_t)_mm_movemask_ps(_mm_cmpngt_ps((__m128)x, _mm_set1_ps(limit)));
#else
    uint32_t bits = 0;
    for (int i = 0; i < 4; i++) bits |= (uint32_t)!(x[i] > limit) << i;
    return bits;
#endif
}

/// How many of `count` ascending integers are smaller than `value`. No branch depends on them: a beam's mispredictions cost more than
/// its comparisons.
static inline ptrdiff_t cintrinsics_lower_bound(const uint64_t *sorted, ptrdiff_t count, uint64_t value) {
    const uint64_t *base = sorted;
#if defined(__AVX512F__)
    const ptrdiff_t enough = 32;
#else
    const ptrdiff_t enough = 1;
#endif
    while (count > enough) {
        ptrdiff_t half = count / 2;
        base += base[half - 1] < value ? half : 0;
        count -= half;
    }
#if defined(__AVX512F__)
    const __m512i wanted = _mm512_set1_epi64((long long)value);
    ptrdiff_t smaller = base - sorted;
    for (ptrdiff_t i = 0; i < count; i += 8) {
        __mmask8 present = count - i >= 8 ? 0xff : (__mmask8)((1u << (count - i)) - 1);
        __m512i x = _mm512_maskz_loadu_epi64(present, base + i);
        smaller += __builtin_popcount(_mm512_mask_cmplt_epu64_mask(present, x, wanted));
    }
    return smaller;
#else
    return base - sorted + (count == 1 && *base < value);
#endif
}

/// Moves `count` integers one place up.
static inline void cintrinsics_shift_up(uint64_t *base, ptrdiff_t count) {
#if defined(__AVX512F__)
    while (count >= 8) {
        count -= 8;
        _mm512_storeu_si512(base + count + 1, _mm512_loadu_si512(base + count));
    }
    __mmask8 rest = (__mmask8)((1u << count) - 1);
    _mm512_mask_storeu_epi64(base + 1, rest, _mm512_maskz_loadu_epi64(rest, base));
#else
    __builtin_memmove(base + 1, base, (size_t)count * sizeof *base);
#endif
}

/// Asks for every cache line of `bytes` bytes from `address`.
static inline void cintrinsics_prefetch_range(const void *address, ptrdiff_t bytes) {
    for (ptrdiff_t i = 0; i < bytes; i += 64) __builtin_prefetch((const char *)address + i, 0, 3);
}

// Shared integers. A load sees everything written before the store whose value it returns (acquire, release).
static inline uint32_t cintrinsics_load_u32(const uint32_t *address) {
    return __atomic_load_n(address, __ATOMIC_ACQUIRE);
}
static inline void cintrinsics_store_u32(uint32_t *address, uint32_t value) {
    __atomic_store_n(address, value, __ATOMIC_RELEASE);
}
static inline uint64_t cintrinsics_load_u64(const uint64_t *address) {
    return __atomic_load_n(address, __ATOMIC_ACQUIRE);
}
static inline void cintrinsics_store_u64(uint64_t *address, uint64_t value) {
    __atomic_store_n(address, value, __ATOMIC_RELEASE);
}
/// Whether this call took the byte-sized lock at `address`.
static inline _Bool cintrinsics_try_lock(uint8_t *address) {
    return __atomic_exchange_n(address, (uint8_t)1, __ATOMIC_ACQUIRE) == 0;
}
static inline void cintrinsics_unlock(uint8_t *address) { __atomic_store_n(address, (uint8_t)0, __ATOMIC_RELEASE); }

/// Moves the mapping of `bytes` bytes at `from` to `to`, in place of what is mapped there, and makes it `new_bytes` long. Nothing is
/// copied: the pages change their address. Returns whether it was done; never where the system cannot.
static inline _Bool cintrinsics_move_pages(void *from, size_t bytes, size_t new_bytes, void *to) {
#if defined(__linux__)
    // MREMAP_MAYMOVE | MREMAP_FIXED, by number: Swift sees no function with a variable list of arguments, and the names only with
    // _GNU_SOURCE.
    return syscall(SYS_mremap, from, bytes, new_bytes, 3, to) == (long)to;
#else
    return 0;
#endif
}

#endif
