// Collections of points: durable, filterable, searchable. A map of the module's files:
//
//   PointStore.swift            the protocol, its requests and answers
//   Point.swift                 PointID, Point, Record, ScoredPoint
//   JSONValue.swift             payloads; JSONParser.swift, JSONWriter.swift
//   Filter.swift                which points; FilterEvaluation.swift decides by looking, FilterPlan.swift by payload indexes
//   EmbeddedStore.swift         the implementation in this process: opening and collections
//   EmbeddedStore+Writing.swift one transaction an update
//   EmbeddedStore+Reading.swift query, retrieve, scroll, count, facet
//   Schema.swift                the SQLite tables and their migrations
//   VectorMatrix.swift          the vectors in memory, as an immutable snapshot
//   DirectoryLock.swift         one process a directory
//   StoreError.swift            everything that goes wrong
//
// SQLite is the record: an update is acknowledged when its transaction is committed and synced. The vectors in memory are
// derived from it, and published after each commit as a new snapshot.
//
//     let store = try EmbeddedStore(directory: "data")
//     try await store.createCollection("notes", CollectionConfiguration(size: 4, distance: .cosine))
//     let point = Point(id: .number(1), vector: [1, 0, 0, 0], payload: ["title": "first"])
//     _ = try await store.update([.upsert([point])], in: "notes")
//     let hits = try await store.query(VectorQuery(vector: [1, 0, 0, 0], limit: 3), in: "notes")
