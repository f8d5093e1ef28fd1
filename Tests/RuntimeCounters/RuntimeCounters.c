// Functions defined in a program take the place of those of the same name in its shared libraries, which still do the work here.

#define _GNU_SOURCE
#include "RuntimeCounters.h"

#include <stddef.h>
#include <stdlib.h>

#ifdef __GLIBC__

#include <dlfcn.h>
#include <errno.h>

static _Thread_local struct runtime_counts counts;

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

void *malloc(size_t bytes) {
    counts.allocations++;
    return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes) {
    counts.allocations++;
    return __libc_calloc(count, bytes);
}

void *realloc(void *old, size_t bytes) {
    counts.allocations++;
    return __libc_realloc(old, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes) {
    counts.allocations++;
    return __libc_memalign(alignment, bytes);
}

void *memalign(size_t alignment, size_t bytes) {
    counts.allocations++;
    return __libc_memalign(alignment, bytes);
}

int posix_memalign(void **address, size_t alignment, size_t bytes) {
    counts.allocations++;
    *address = __libc_memalign(alignment, bytes);
    return *address == NULL ? ENOMEM : 0;
}

// Swift's callers expect more registers back than C's do.
#define SWIFT_CALLED __attribute__((preserve_most))

/// The runtime's own function of that name.
static void *next(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) abort();
    return found;
}

#define COUNT_RETAIN(name)                                                                                               \
    SWIFT_CALLED void *name(void *object) {                                                                              \
        static void *(*volatile own)(void *);                                                                            \
        if (!own) own = next(#name);                                                                                     \
        counts.retains++;                                                                                                \
        return own(object);                                                                                              \
    }

#define COUNT_RELEASE(name)                                                                                              \
    SWIFT_CALLED void name(void *object) {                                                                               \
        static void (*volatile own)(void *);                                                                             \
        if (!own) own = next(#name);                                                                                     \
        counts.releases++;                                                                                               \
        own(object);                                                                                                     \
    }

COUNT_RETAIN(swift_retain)
COUNT_RETAIN(swift_bridgeObjectRetain)
COUNT_RELEASE(swift_release)
COUNT_RELEASE(swift_bridgeObjectRelease)

bool runtime_counts_exist(void) { return true; }
struct runtime_counts runtime_counts(void) { return counts; }

#else

bool runtime_counts_exist(void) { return false; }
struct runtime_counts runtime_counts(void) { return (struct runtime_counts){0, 0, 0}; }

#endif
