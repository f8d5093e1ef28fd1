// Snowball's stemming algorithms, from the system's libstemmer: loaded when a stemmer is first asked for, so that neither building nor
// starting needs it.
#ifndef C_STEMMER_H
#define C_STEMMER_H

#include <stddef.h>

/// Whether the system has the library.
int c_stemmer_is_available(void);

/// A stemmer by the algorithm's English name in lower case, which one thread at a time may use and nobody gives back; NULL when the library
/// has no such algorithm, or the system no library.
void *c_stemmer_new(const char *algorithm);

/// Writes the stem of a word of UTF-8, `count` bytes, to `stem`.
///
/// Returns the stem's bytes; -1, and nothing is written that could be read, when they are more than `capacity` or memory is short.
long c_stemmer_stem(void *stemmer, const unsigned char *word, size_t count, unsigned char *stem, size_t capacity);

#endif
