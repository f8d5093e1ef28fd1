#include "CBLASShim.h"

#if defined(__APPLE__)

void cblas_shim_set_threads(int count) { (void)count; }
const char *cblas_shim_description(void) { return "Accelerate"; }

#else

void cblas_shim_set_threads(int count) { openblas_set_num_threads(count); }
const char *cblas_shim_description(void) { return openblas_get_config(); }

#endif
