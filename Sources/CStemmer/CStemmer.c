#include "CStemmer.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>

// The interface of libstemmer.h, which has not changed since 2006.
static void *(*create)(const char *algorithm, const char *encoding);
static const unsigned char *(*stem_word)(void *stemmer, const unsigned char *word, int size);
static int (*stem_length)(void *stemmer);

static void load(void) {
    // Debian's name, those of other distributions, macOS's.
    const char *names[] = {"libstemmer.so.0d", "libstemmer.so.0", "libstemmer.so", "libstemmer.dylib"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        void *library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
        if (!library) continue;
        void *stem = dlsym(library, "sb_stemmer_stem"), *length = dlsym(library, "sb_stemmer_length");
        void *new = dlsym(library, "sb_stemmer_new");
        if (stem && length && new) {
            memcpy(&stem_word, &stem, sizeof stem);
            memcpy(&stem_length, &length, sizeof length);
            memcpy(&create, &new, sizeof new);
            return;
        }
        dlclose(library);
    }
}

int c_stemmer_is_available(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    return create != NULL;
}

void *c_stemmer_new(const char *algorithm) { return c_stemmer_is_available() ? create(algorithm, "UTF_8") : NULL; }

long c_stemmer_stem(void *stemmer, const unsigned char *word, size_t count, unsigned char *stem, size_t capacity) {
    if (count > INT_MAX) return -1;
    const unsigned char *found = stem_word(stemmer, word, (int)count);
    int length = found ? stem_length(stemmer) : -1;
    if (length < 0 || (size_t)length > capacity) return -1;
    memcpy(stem, found, (size_t)length);
    return length;
}
