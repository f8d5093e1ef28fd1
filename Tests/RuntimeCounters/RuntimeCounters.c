// Functions defined in a program take the place of those of the same name in its shared libraries, which still do the work here.

#define _GNU_SOURCE
#include "RuntimeCounters.h"

#include <stddef.h>
#include <stdlib.h>

#ifdef __GLIBC__

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Thread_local struct runtime_counts counts;

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void __libc_free(void *);

/// Counts a call that gave this memory, or none.
static void *allocated(void *memory) {
    counts.allocations++;
    counts.held += malloc_usable_size(memory);
    if (counts.held > counts.most_held) counts.most_held = counts.held;
    return memory;
}

void *malloc(size_t bytes) { return allocated(__libc_malloc(bytes)); }

void *calloc(size_t count, size_t bytes) { return allocated(__libc_calloc(count, bytes)); }

void *realloc(void *old, size_t bytes) {
    size_t before = malloc_usable_size(old);
    void *memory = __libc_realloc(old, bytes);
    // Without room the old memory stays.
    if (memory || bytes == 0) counts.held -= before;
    return allocated(memory);
}

void *aligned_alloc(size_t alignment, size_t bytes) { return allocated(__libc_memalign(alignment, bytes)); }

void *memalign(size_t alignment, size_t bytes) { return allocated(__libc_memalign(alignment, bytes)); }

int posix_memalign(void **address, size_t alignment, size_t bytes) {
    *address = allocated(__libc_memalign(alignment, bytes));
    return *address == NULL ? ENOMEM : 0;
}

void free(void *memory) {
    counts.held -= malloc_usable_size(memory);
    __libc_free(memory);
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
void runtime_forget_most_held(void) { counts.most_held = counts.held; }

#define MOST_FILES 64

static struct {
    uint64_t device, inode;
    _Atomic uint64_t writes, syncs, synced;
} files[MOST_FILES];
static _Atomic int files_count;
/// As many of them as are filled in.
static _Atomic int files_ready;

int runtime_watch_file(uint64_t device, uint64_t inode) {
    int place = atomic_fetch_add(&files_count, 1);
    if (place >= MOST_FILES) return -1;
    files[place].device = device;
    files[place].inode = inode;
    while (atomic_load(&files_ready) != place) continue;
    atomic_store(&files_ready, place + 1);
    return place;
}

struct runtime_file_counts runtime_file_counts(int watch) {
    // In this order: a write in between is counted as one that is not synced, never the reverse.
    uint64_t synced = atomic_load(&files[watch].synced);
    uint64_t writes = atomic_load(&files[watch].writes);
    return (struct runtime_file_counts){writes, atomic_load(&files[watch].syncs), writes - synced};
}

static int place_of(int file) {
    int ready = atomic_load(&files_ready);
    struct stat status;
    if (ready == 0 || fstat(file, &status) != 0) return -1;
    for (int place = ready - 1; place >= 0; place--)
        if (files[place].device == status.st_dev && files[place].inode == status.st_ino) return place;
    return -1;
}

// As file systems count room, and SQLite, which writes a byte a page to be sure of it.
#define BLOCK 4096

static struct {
    pthread_mutex_t lock;
    /// What the paths of its files begin with; none when it has no end.
    char directory[PATH_MAX];
    uint64_t blocks;
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER};
static _Atomic bool disk_has_end;

bool runtime_leave_room(const char *directory, uint64_t blocks) {
    char path[PATH_MAX];
    if (!realpath(directory, path)) return false;
    pthread_mutex_lock(&disk.lock);
    bool is_free = disk.directory[0] == 0 || strcmp(disk.directory, path) == 0;
    if (is_free) {
        strcpy(disk.directory, path);
        disk.blocks = blocks;
        atomic_store(&disk_has_end, true);
    }
    pthread_mutex_unlock(&disk.lock);
    return is_free;
}

void runtime_leave_all_room(void) {
    pthread_mutex_lock(&disk.lock);
    disk.directory[0] = 0;
    atomic_store(&disk_has_end, false);
    pthread_mutex_unlock(&disk.lock);
}

/// How many of the bytes there is room for.
static size_t room_for(int file, size_t count, off64_t offset) {
    if (!atomic_load(&disk_has_end)) return count;
    char link[32], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    struct stat status;
    if (length < 0 || fstat(file, &status) != 0) return count;
    path[length] = 0;
    if (offset < 0) offset = lseek(file, 0, SEEK_CUR);
    pthread_mutex_lock(&disk.lock);
    size_t prefix = strlen(disk.directory);
    if (prefix > 0 && strncmp(path, disk.directory, prefix) == 0 && path[prefix] == '/') {
        // What is there already is written over in its place.
        off64_t had = (status.st_size + BLOCK - 1) / BLOCK, first = offset / BLOCK;
        off64_t last = (offset + (off64_t)count + BLOCK - 1) / BLOCK;
        if (first < had) first = had;
        uint64_t wanted = last > first ? last - first : 0;
        uint64_t given = wanted < disk.blocks ? wanted : disk.blocks;
        disk.blocks -= given;
        off64_t end = (first + (off64_t)given) * BLOCK;
        if (given < wanted) count = end > offset ? end - offset : 0;
    }
    pthread_mutex_unlock(&disk.lock);
    return count;
}

ssize_t write(int file, const void *bytes, size_t count) {
    size_t room = room_for(file, count, -1);
    if (room == 0 && count > 0) return errno = ENOSPC, -1;
    return syscall(SYS_write, file, bytes, room);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t offset) {
    size_t room = room_for(file, count, offset);
    if (room == 0 && count > 0) return errno = ENOSPC, -1;
    count = room;
    int place = place_of(file);
    // Before it is done: a sync that has begun by then may have missed it.
    if (place >= 0) atomic_fetch_add(&files[place].writes, 1);
    return syscall(SYS_pwrite64, file, bytes, count, offset);
}

#ifdef __LP64__
ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset) { return pwrite64(file, bytes, count, offset); }
#endif

static int synced(int file, long call) {
    int place = place_of(file);
    uint64_t covered = place >= 0 ? atomic_load(&files[place].writes) : 0;
    int result = (int)syscall(call, file);
    if (place >= 0 && result == 0) {
        uint64_t before = atomic_load(&files[place].synced);
        while (before < covered && !atomic_compare_exchange_weak(&files[place].synced, &before, covered)) continue;
        atomic_fetch_add(&files[place].syncs, 1);
    }
    return result;
}

int fsync(int file) { return synced(file, SYS_fsync); }
int fdatasync(int file) { return synced(file, SYS_fdatasync); }

#else

bool runtime_counts_exist(void) { return false; }
struct runtime_counts runtime_counts(void) { return (struct runtime_counts){0}; }
void runtime_forget_most_held(void) {}

int runtime_watch_file(uint64_t device, uint64_t inode) { return -1; }
struct runtime_file_counts runtime_file_counts(int watch) { return (struct runtime_file_counts){0, 0, 0}; }

bool runtime_leave_room(const char *directory, uint64_t blocks) { return false; }
void runtime_leave_all_room(void) {}

#endif
