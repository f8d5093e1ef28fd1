// What cannot be in a header: which sets of instructions this build uses, and whether this processor has them.

#include "CIntrinsics.h"

#include <stddef.h>

// This is what runs where the rest may not: it uses nothing that a processor could lack. (`arch=x86-64` leaves AVX-512 in.)
#if defined(__x86_64__)
#define BASELINE __attribute__((target("general-regs-only,no-bmi,no-bmi2,no-lzcnt,no-popcnt,no-movbe")))
#else
#define BASELINE
#endif

// The oldest first. x86-64 has SSE2 by definition.
#define SETS(SET)                                                                                                  \
    SET(SSE3, "sse3") SET(SSSE3, "ssse3") SET(SSE41, "sse4.1") SET(SSE42, "sse4.2") SET(POPCNT, "popcnt")          \
    SET(AVX, "avx") SET(FMA, "fma") SET(BMI, "bmi") SET(BMI2, "bmi2") SET(AVX2, "avx2") SET(AVX512F, "avx512f")    \
    SET(AVX512CD, "avx512cd") SET(AVX512BW, "avx512bw") SET(AVX512DQ, "avx512dq") SET(AVX512VL, "avx512vl")        \
    SET(AVX512IFMA, "avx512ifma") SET(AVX512VBMI, "avx512vbmi") SET(AVX512VBMI2, "avx512vbmi2")                    \
    SET(AVX512BITALG, "avx512bitalg") SET(AVX512VPOPCNTDQ, "avx512vpopcntdq") SET(AVX512VNNI, "avx512vnni")        \
    SET(GFNI, "gfni") SET(AVX512BF16, "avx512bf16") SET(AVXVNNI, "avxvnni") SET(AVX512FP16, "avx512fp16")

#define NUMBER(set, name) set,
enum { SETS(NUMBER) COUNT };

BASELINE uint32_t cintrinsics_sets_of_build(void) {
    uint32_t sets = 0;
#if defined(__SSE3__)
    sets |= 1u << SSE3;
#endif
#if defined(__SSSE3__)
    sets |= 1u << SSSE3;
#endif
#if defined(__SSE4_1__)
    sets |= 1u << SSE41;
#endif
#if defined(__SSE4_2__)
    sets |= 1u << SSE42;
#endif
#if defined(__POPCNT__)
    sets |= 1u << POPCNT;
#endif
#if defined(__AVX__)
    sets |= 1u << AVX;
#endif
#if defined(__FMA__)
    sets |= 1u << FMA;
#endif
#if defined(__BMI__)
    sets |= 1u << BMI;
#endif
#if defined(__BMI2__)
    sets |= 1u << BMI2;
#endif
#if defined(__AVX2__)
    sets |= 1u << AVX2;
#endif
#if defined(__AVX512F__)
    sets |= 1u << AVX512F;
#endif
#if defined(__AVX512CD__)
    sets |= 1u << AVX512CD;
#endif
#if defined(__AVX512BW__)
    sets |= 1u << AVX512BW;
#endif
#if defined(__AVX512DQ__)
    sets |= 1u << AVX512DQ;
#endif
#if defined(__AVX512VL__)
    sets |= 1u << AVX512VL;
#endif
#if defined(__AVX512IFMA__)
    sets |= 1u << AVX512IFMA;
#endif
#if defined(__AVX512VBMI__)
    sets |= 1u << AVX512VBMI;
#endif
#if defined(__AVX512VBMI2__)
    sets |= 1u << AVX512VBMI2;
#endif
#if defined(__AVX512BITALG__)
    sets |= 1u << AVX512BITALG;
#endif
#if defined(__AVX512VPOPCNTDQ__)
    sets |= 1u << AVX512VPOPCNTDQ;
#endif
#if defined(__AVX512VNNI__)
    sets |= 1u << AVX512VNNI;
#endif
#if defined(__GFNI__)
    sets |= 1u << GFNI;
#endif
#if defined(__AVX512BF16__)
    sets |= 1u << AVX512BF16;
#endif
#if defined(__AVXVNNI__)
    sets |= 1u << AVXVNNI;
#endif
#if defined(__AVX512FP16__)
    sets |= 1u << AVX512FP16;
#endif
    return sets;
}

BASELINE uint32_t cintrinsics_sets_of_processor(void) {
    uint32_t sets = 0;
#if defined(__x86_64__)
#define ADD(set, name)                                                                                             \
    if (__builtin_cpu_supports(name)) sets |= 1u << set;
    __builtin_cpu_init();
    SETS(ADD)
#endif
    return sets;
}

BASELINE const char *cintrinsics_set_name(int number) {
#define NAME(set, name) name,
    static const char *const names[] = {SETS(NAME)};
    return number >= 0 && number < COUNT ? names[number] : NULL;
}

BASELINE const char *cintrinsics_newest_missing(uint32_t built, uint32_t present) {
    for (int number = COUNT - 1; number >= 0; number--)
        if (built & ~present & (1u << number)) return cintrinsics_set_name(number);
    return NULL;
}
