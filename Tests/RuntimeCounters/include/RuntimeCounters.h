// Counts what a piece of Swift costs that its source does not show: calls of the allocator and of reference counting.
#ifndef RUNTIME_COUNTERS_H
#define RUNTIME_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>

struct runtime_counts {
    /// Calls of malloc, calloc, realloc and their aligned relatives.
    uint64_t allocations;
    /// Calls of the Swift runtime's retain, and of its release.
    uint64_t retains;
    uint64_t releases;
};

/// Whether there are counts here: with glibc only.
bool runtime_counts_exist(void);

/// What this thread has called since it began.
struct runtime_counts runtime_counts(void);

#endif
