// What the index needs beyond Swift: the dot product of 8-bit codes, prefetch of a range, and loads and stores of shared
// integers with their ordering said. Included by CIntrinsics.h.
#ifndef C_INTRINSICS_INDEX_H
#define C_INTRINSICS_INDEX_H

#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/// Σ a[i]·b[i] over `count` bytes, each in -127...127.   count: a multiple of 64; sum_b: Σ b[i]
///
/// VNNI multiplies unsigned by signed bytes, so a + 128 is multiplied and 128·Σ b taken off again; AVX2 moves a's signs to b,
/// after which no pair of products passes 2·127² < 2¹⁵. Neither loses a bit.
static inline int32_t cintrinsics_dot_i8(const int8_t *a, const int8_t *b, ptrdiff_t count, int32_t sum_b) {
#if defined(__AVX512VNNI__) && defined(__AVX512BW__)
    const __m512i offset = _mm512_set1_epi8((char)0x80);
    __m512i s0 = _mm512_setzero_si512(), s1 = s0;
    ptrdiff_t i = 0;
    for (; i + 128 <= count; i += 128) {
        s0 = _mm512_dpbusd_epi32(s0, _mm512_xor_si512(_mm512_loadu_si512(a + i), offset), _mm512_loadu_si512(b + i));
        s1 = _mm512_dpbusd_epi32(
            s1, _mm512_xor_si512(_mm512_loadu_si512(a + i + 64), offset), _mm512_loadu_si512(b + i + 64));
    }
    if (i < count)
        s0 = _mm512_dpbusd_epi32(s0, _mm512_xor_si512(_mm512_loadu_si512(a + i), offset), _mm512_loadu_si512(b + i));
    return _mm512_reduce_add_epi32(_mm512_add_epi32(s0, s1)) - 128 * sum_b;
#elif defined(__AVX2__)
    (void)sum_b;
    const __m256i ones = _mm256_set1_epi16(1);
    __m256i s0 = _mm256_setzero_si256(), s1 = s0;
    for (ptrdiff_t i = 0; i < count; i += 64) {
        __m256i x = _mm256_loadu_si256((const __m256i *)(a + i));
        __m256i y = _mm256_loadu_si256((const __m256i *)(b + i));
        s0 = _mm256_add_epi32(
            s0, _mm256_madd_epi16(_mm256_maddubs_epi16(_mm256_abs_epi8(x), _mm256_sign_epi8(y, x)), ones));
        x = _mm256_loadu_si256((const __m256i *)(a + i + 32));
        y = _mm256_loadu_si256((const __m256i *)(b + i + 32));
        s1 = _mm256_add_epi32(
            s1, _mm256_madd_epi16(_mm256_maddubs_epi16(_mm256_abs_epi8(x), _mm256_sign_epi8(y, x)), ones));
    }
    s0 = _mm256_add_epi32(s0, s1);
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(s0), _mm256_extracti128_si256(s0, 1));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1));
    return _mm_cvtsi128_si32(s);
#else
    (void)sum_b;
    int32_t sum = 0;
    for (ptrdiff_t i = 0; i < count; i++) sum += (int32_t)((int16_t)a[i] * (int16_t)b[i]);
    return sum;
#endif
}

/// Σ a[i] over `count` bytes.
static inline int32_t cintrinsics_sum_i8(const int8_t *a, ptrdiff_t count) {
    int32_t sum = 0;
    for (ptrdiff_t i = 0; i < count; i++) sum += a[i];
    return sum;
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

#endif
