// The few machine instructions Swift cannot spell, and the facts about the build that kernels choose by.
#ifndef C_INTRINSICS_H
#define C_INTRINSICS_H

/// 1 when this build may emit a fused multiply-add instruction (x86-64 built with -mfma, every aarch64). Without it Swift's
/// `addingProduct` is a libm call per lane, so kernels fall back to `a + b * c`.
#if defined(__FMA__) || defined(__aarch64__)
#define CINTRINSICS_HAS_FMA 1
#else
#define CINTRINSICS_HAS_FMA 0
#endif

/// The same as a function, for Swift: the optimiser folds it, and the compiler does not warn about the branch not taken.
static inline _Bool cintrinsics_has_fma(void) { return CINTRINSICS_HAS_FMA; }

/// Asks for the cache line at `address`, to be read soon and kept in every level.
static inline void cintrinsics_prefetch(const void *address) { __builtin_prefetch(address, 0, 3); }

#endif
