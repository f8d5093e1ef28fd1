// Counts what a piece of Swift costs that its source does not show: calls of the allocator and of reference counting, memory, and
// what is written to a file and synced. And lets this process find a disk full.
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
    /// Bytes that it has allocated and not freed: less than none where it freed what others allocated.
    int64_t held;
    /// The most that `held` was, since the thread began or `runtime_forget_most_held`.
    int64_t most_held;
};

/// Whether there are counts here: with glibc only.
bool runtime_counts_exist(void);

/// What this thread has called since it began.
struct runtime_counts runtime_counts(void);

/// Lets `most_held` of this thread begin anew.
void runtime_forget_most_held(void);

struct runtime_file_counts {
    /// Calls of pwrite on the file.
    uint64_t writes;
    /// Calls of fsync and fdatasync on it that succeeded.
    uint64_t syncs;
    /// Writes that no sync has begun after which succeeded.
    uint64_t unsynced;
};

/// Counts from now on what this process does to a file, by its device and inode.
///
/// @returns What `runtime_file_counts` knows it by; -1 where files are not counted, or as many as can be.
int runtime_watch_file(uint64_t device, uint64_t inode);

struct runtime_file_counts runtime_file_counts(int watch);

/// From now on files below a directory, which is there, can grow by so many blocks of 4,096 bytes in all; then this process is told that
/// the disk is full, in the middle of a write, too. What is written over in its place needs no room; deleting gives none back.
///
/// @returns Whether that is so now: with glibc only, and for one directory at a time.
bool runtime_leave_room(const char *directory, uint64_t blocks);

/// Ends it.
void runtime_leave_all_room(void);

#endif
