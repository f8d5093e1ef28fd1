// The processor a build is for, and the one it runs on.

import CIntrinsics

/// The processor this process runs on.
public enum Processor {
    /// The newest set of instructions that this build may use and this processor has not, such as `avx512vnni`; nil where it has
    /// all of those that CIntrinsics.c names. What goes on all the same may end with a signal (SIGILL) at any step. Told of x86-64 only.
    public static var missingInstructions: String? {
        let name = unsafe cintrinsics_newest_missing(cintrinsics_sets_of_build(), cintrinsics_sets_of_processor())
        return unsafe name.map { unsafe String(cString: $0) }
    }
}
