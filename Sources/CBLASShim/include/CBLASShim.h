// The BLAS that MiniLM's GEMM back end calls: OpenBLAS on Linux, Accelerate on Apple platforms.
#ifndef CBLAS_SHIM_H
#define CBLAS_SHIM_H

#if defined(__APPLE__)
#define ACCELERATE_NEW_LAPACK 1
#include <Accelerate/Accelerate.h>
#else
#include <cblas.h>
#endif

/// Threads one BLAS call may use. MiniLM sets 1 and runs its own workers: one owner of threads.
void cblas_shim_set_threads(int count);

/// The library's own description of its build and of the kernels it chose, e.g. "OpenBLAS 0.3.21 ... Zen". Static storage.
const char *cblas_shim_description(void);

#endif
