// Vectors to neighbours. A map of the module's files:
//
//   Distance.swift              the four measures, their kernels and which way is better
//   TopK.swift                  the best k of many, in order
//   ExactSearch.swift           every vector compared: the truth, and fast enough below about 10 MB
//
//   HNSWConfiguration.swift     M, efConstruction and the rest, named as in the paper; the errors
//   HNSWConfiguration+Codes.swift   whether codes are enough for vectors like those of a sample
//   HNSWIndex.swift             the index: what it promises, and who waits for whom
//   HNSWIndex+Insert.swift      Algorithm 1: a vector enters the graph, or joins the node that has it already
//   HNSWIndex+Build.swift       a whole matrix, on all cores
//   HNSWIndex+Search.swift      Algorithm 5, and exact ranking
//   HNSWIndex+Filter.swift      what is done about filters
//   HNSWIndex+Exact.swift       every vector compared by its floats
//   HNSWIndex+Try.swift         searches that wait for nobody
//   HNSWIndex+Remove.swift      rows leave
//   HNSWIndex+Repair.swift      and their nodes, and the spanning tree is laid anew
//   HNSWIndex+Invariants.swift  what must hold
//   HNSWIndex+Snapshot.swift    the index as a mapped file
//   SnapshotHeader.swift        its first page
//   SnapshotValidation.swift    what is checked before it is believed
//   Checksum.swift              a fast hash of bytes
//   RowBits.swift               the rows a filter lets through
//
//   IndexBenchmark.swift        recall against speed, filters, snapshot: what `minilm bench index` prints,
//   IndexBenchmark+Markdown.swift   as tables
//   IndexBenchmark+Churn.swift      recall after half of the rows have been exchanged
//
//   SearchContext.swift         what one search writes: the beam, the visited nodes
//   SearchContext+Walk.swift    Algorithm 2: from node to nearer node
//   SearchContext+Choose.swift  Algorithm 4: the diversity heuristic
//   Graph.swift                 the record of a node, distances between nodes and queries
//   IndexState.swift            what an index owns: memory, counters, locks, contexts
//   RecordLayout.swift          the bytes of a node
//   IndexState+Table.swift      which node has a vector
//   RowLists.swift              the rows that share a vector
//   FlatBuffer.swift            memory without an owner to count
//   MemoryRegion.swift          address space reserved generously and paid for when touched
//
// The module knows no text, no payload and no server, and depends on nothing but headers of intrinsics.
//
//     let index = try HNSWIndex(HNSWConfiguration(dimension: 384, distance: .cosine))
//     try index.insert(matrix: vectors.span, threads: 2)         // [count, dimension], row-major, for cosine of length 1
//     let hits = try index.search(question.span, count: 10, ef: 64)
//     hits[0].row                                                // the row of the nearest vector
//     try index.save(to: "notes.hnsw")
//     let opened = try HNSWIndex.restore(from: "notes.hnsw").index
//
// Examples/SearchNotes is a program of its own that does this.
