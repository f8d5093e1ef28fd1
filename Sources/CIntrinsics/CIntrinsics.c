// What cannot be in a header: which sets of instructions this build uses, and whether this processor has them.

#include "CIntrinsics.h"

#include <stddef.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

// This is what runs where the rest may not: it uses nothing that a processor could lack. (`arch=x86-64` leaves AVX-512 in.)
#if defined(__x86_64__)
#define BASELINE __attribute__((target("general-regs-only,no-bmi,no-bmi2,no-lzcnt,no-popcnt,no-movbe")))
#else
#define BASELINE
#endif

// The oldest first: identifier, name, register of CPUID's answers, bit, width of the registers that the system must keep. x86-64 has
// SSE2 by definition.
#define SETS(SET) \
    SET(SSE3, "sse3", LEAF_1_ECX, 0, 0) \
    SET(SSSE3, "ssse3", LEAF_1_ECX, 9, 0) \
    SET(SSE41, "sse4.1", LEAF_1_ECX, 19, 0) \
    SET(SSE42, "sse4.2", LEAF_1_ECX, 20, 0) \
    SET(POPCNT, "popcnt", LEAF_1_ECX, 23, 0) \
    SET(AVX, "avx", LEAF_1_ECX, 28, 256) \
    SET(F16C, "f16c", LEAF_1_ECX, 29, 256) \
    SET(FMA, "fma", LEAF_1_ECX, 12, 256) \
    SET(MOVBE, "movbe", LEAF_1_ECX, 22, 0) \
    SET(LZCNT, "lzcnt", EXTENDED_1_ECX, 5, 0) \
    SET(BMI, "bmi", LEAF_7_EBX, 3, 0) \
    SET(BMI2, "bmi2", LEAF_7_EBX, 8, 0) \
    SET(AVX2, "avx2", LEAF_7_EBX, 5, 256) \
    SET(ADX, "adx", LEAF_7_EBX, 19, 0) \
    SET(AVX512F, "avx512f", LEAF_7_EBX, 16, 512) \
    SET(AVX512CD, "avx512cd", LEAF_7_EBX, 28, 512) \
    SET(AVX512BW, "avx512bw", LEAF_7_EBX, 30, 512) \
    SET(AVX512DQ, "avx512dq", LEAF_7_EBX, 17, 512) \
    SET(AVX512VL, "avx512vl", LEAF_7_EBX, 31, 512) \
    SET(AVX512IFMA, "avx512ifma", LEAF_7_EBX, 21, 512) \
    SET(AVX512VBMI, "avx512vbmi", LEAF_7_ECX, 1, 512) \
    SET(AVX512VBMI2, "avx512vbmi2", LEAF_7_ECX, 6, 512) \
    SET(AVX512BITALG, "avx512bitalg", LEAF_7_ECX, 12, 512) \
    SET(AVX512VPOPCNTDQ, "avx512vpopcntdq", LEAF_7_ECX, 14, 512) \
    SET(AVX512VNNI, "avx512vnni", LEAF_7_ECX, 11, 512) \
    SET(GFNI, "gfni", LEAF_7_ECX, 8, 0) \
    SET(VAES, "vaes", LEAF_7_ECX, 9, 256) \
    SET(VPCLMULQDQ, "vpclmulqdq", LEAF_7_ECX, 10, 256) \
    SET(AVX512BF16, "avx512bf16", LEAF_7_1_EAX, 5, 512) \
    SET(AVXVNNI, "avxvnni", LEAF_7_1_EAX, 4, 256) \
    SET(AVX512FP16, "avx512fp16", LEAF_7_EDX, 23, 512)

#define NUMBER(set, name, leaf, bit, width) set,
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
#if defined(__F16C__)
    sets |= 1u << F16C;
#endif
#if defined(__MOVBE__)
    sets |= 1u << MOVBE;
#endif
#if defined(__LZCNT__)
    sets |= 1u << LZCNT;
#endif
#if defined(__ADX__)
    sets |= 1u << ADX;
#endif
#if defined(__VAES__)
    sets |= 1u << VAES;
#endif
#if defined(__VPCLMULQDQ__)
    sets |= 1u << VPCLMULQDQ;
#endif
    return sets;
}

// Asked of the processor and not of `__builtin_cpu_supports`, whose answers are those of whichever libgcc is linked: older ones do not know
// newer sets. (Intel's manual, volume 2, CPUID; volume 1, 13.2.)
BASELINE uint32_t cintrinsics_sets_of_processor(void) {
    uint32_t sets = 0;
#if defined(__x86_64__)
    enum { LEAF_1_ECX, LEAF_7_EBX, LEAF_7_ECX, LEAF_7_EDX, LEAF_7_1_EAX, EXTENDED_1_ECX, ANSWERS };
    uint32_t answers[ANSWERS] = {0};
    uint32_t a, b, c, d, last;
    __cpuid(0, last, b, c, d);
    __cpuid(1, a, b, answers[LEAF_1_ECX], d);
    if (last >= 7) {
        uint32_t subleaves;
        __cpuid_count(7, 0, subleaves, answers[LEAF_7_EBX], answers[LEAF_7_ECX], answers[LEAF_7_EDX]);
        if (subleaves >= 1) __cpuid_count(7, 1, answers[LEAF_7_1_EAX], b, c, d);
    }
    __cpuid(0x80000000u, last, b, c, d);
    if (last >= 0x80000001u) __cpuid(0x80000001u, a, b, answers[EXTENDED_1_ECX], d);
    // What of a thread's registers the system keeps: without it the processor's having them is of no use.
    uint32_t kept = 0;
    if (answers[LEAF_1_ECX] & bit_OSXSAVE) __asm__ volatile("xgetbv" : "=a"(kept), "=d"(d) : "c"(0));
    int width = (kept & 0xE6) == 0xE6 ? 512 : (kept & 0x06) == 0x06 ? 256 : 0;
#define ADD(set, name, leaf, bit, needed) \
    if (answers[leaf] >> bit & 1 && width >= needed) sets |= 1u << set;
    SETS(ADD)
#endif
    return sets;
}

BASELINE const char *cintrinsics_set_name(int number) {
#define NAME(set, name, leaf, bit, width) name,
    static const char *const names[] = {SETS(NAME)};
    return number >= 0 && number < COUNT ? names[number] : NULL;
}

BASELINE const char *cintrinsics_newest_missing(uint32_t built, uint32_t present) {
    for (int number = COUNT - 1; number >= 0; number--)
        if (built & ~present & (1u << number)) return cintrinsics_set_name(number);
    return NULL;
}
