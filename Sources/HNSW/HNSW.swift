// Vectors to neighbours. A map of the module's files:
//
//   Distance.swift     the four measures, their kernels and which way is better
//   TopK.swift         the best k of many, in order
//   ExactSearch.swift  every vector compared: the truth that indexes are measured against, and fast enough below about 10 MB
//
// The module knows no text, no payload and no server, and depends on nothing but a header of intrinsics.
//
//     let matrix: [Float] = …                        // [count, dimension], row-major
//     let hits = ExactSearch.nearest(
//         to: query, in: matrix.span, dimension: 384, distance: .dot, count: 10)
//     hits[0].row                                    // the row of the nearest vector
