// Collections of points: durable, filterable, searchable. A map of the module's files:
//
//   PointStore.swift              the protocol, its requests and answers
//   CollectionConfiguration.swift a collection's vectors
//   Point.swift                   PointID, Point, Record, ScoredPoint
//   Vectors.swift                 dense and sparse vectors, and how they stand in the database
//   JSONValue.swift               payloads; JSONParser.swift (DecimalNumber.swift), JSONWriter.swift
//   PayloadPath.swift             where in a payload
//   PayloadEditing.swift          what operations do to payloads, and which part of one comes back
//   StoreError.swift              everything that goes wrong
//
//   Filter.swift                  which points; FilterParser.swift reads Qdrant's JSON
//   FilterEvaluation.swift        decides by looking at points (FilterTest, ConditionTest)
//   MatchTest.swift               what a value is matched with, made ready once
//   FilterPlan.swift              decides by payload indexes as far as they tell
//   FilterAnswer.swift            what they tell: rows that pass, rows in doubt; RowCounts.swift counts conditions by row
//   WorkMeter.swift               lets what takes long end with its caller
//   GeoArea.swift, Timestamp.swift, TextTokenizer.swift, SipHash.swift   what conditions are made of
//   Stopwords.swift (+Lists), Stemmer.swift, StemmedFields.swift, ASCIIFolding.swift   what a text index does to words
//
//   EmbeddedStore.swift           the implementation in this process: opening, closing, transactions
//   EmbeddedStore+Collections.swift   collections and payload indexes
//   EmbeddedStore+Reading.swift   query, retrieve, scroll, count, facet; Leading.swift keeps the first few of many
//   EmbeddedStore+AtOnce.swift    what memory alone answers, without a change of threads
//   PointsQuery.swift (+Check)    Qdrant's universal query; QueryEvaluation.swift, QueryScores.swift, QueryExamples.swift and Fusion.swift
//                                 answer it
//   BM25.swift                    texts as sparse vectors, and ranking by the words of payloads
//   Formula.swift                 scores made of scores and payloads
//   EmbeddedStore+Backup.swift    a copy while it is in use
//   EmbeddedStore+Snapshots.swift a collection to a file and back; SnapshotFile.swift says how, SHA256.swift what it is known by
//   FinishedFile.swift            files that get their name when they are whole
//   EmbeddedStore+VectorNames.swift   vectors that come and go
//   EmbeddedStore+Aliases.swift   other names of collections
//   EmbeddedStore+Usage.swift     what a collection takes
//   EmbeddedStore+Matrix.swift    points of a sample compared with each other
//   EmbeddedStore+Columns.swift   columns as values, SQLite's errors as ours
//   UpdateQueue.swift             updates that wait together are committed together
//   UpdateTransaction.swift       the operations of one update
//   Schema.swift                  the SQLite tables and their migrations
//   DirectoryLock.swift           one process a directory
//   DatabaseFile.swift            the database as it is opened: read whole before anything is written
//   Loader.swift                  memory from the database
//
//   CollectionState.swift         what a collection has in memory, as a value
//   PointHeads.swift              ids and versions; PayloadCache.swift keeps payloads that were read lately
//   DenseField.swift              vectors of one name: a graph, and what it does not have yet
//   SparseField.swift             an inverted index
//   MultiField.swift              several vectors a point
//   PayloadIndex.swift            rows by the values of a field; PayloadIndexType.swift
//   PayloadIndex+Memory.swift     what they take of the memory
//   PayloadIndex+Answers.swift    what they tell of conditions; PayloadIndex+Estimates.swift, of how many rows before which
//   PayloadIndex+Values.swift     what they tell of orders, words and values
//   VectorMatrix.swift, RowSet.swift, SortedEntries.swift, RangeEntries.swift, ShardedDictionary.swift   their parts, which copies share
//   HeapBytes.swift               what these take of the memory, and how it is given back
//   StateAges.swift               which states readers still have; FreeRows.swift, the rows that no point has
//   GraphBuilder.swift            graphs are built behind the writers' backs; GraphFile.swift keeps them
//   GraphBuilder+Work.swift       rows enter and leave, graphs are checked and replaced; GraphBuilder+Threads.swift, by whom;
//   GraphProgress.swift           what is under way and what failed
//   Epochs.swift                  by which a graph is known to be this database's; GraphVerification.swift compares its floats' hashes
//   FileName.swift                names of collections and vectors in names of files
//
// SQLite is the record: an update is acknowledged when its transaction is committed and synced. Everything in memory is
// derived from it, and published after each commit as a new state.
//
//     let store = try EmbeddedStore(directory: "data")
//     try await store.createCollection("notes", CollectionConfiguration(size: 4, distance: .cosine))
//     try await store.createPayloadIndex("title", .keyword, in: "notes")
//     let point = Point(id: .number(1), vector: [1, 0, 0, 0], payload: ["title": "first"])
//     _ = try await store.update([.upsert([point])], in: "notes")
//     let filter = Filter(must: [.match(key: "title", .value("first"))])
//     let hits = try await store.query(PointsQuery(vector: [1, 0, 0, 0], filter: filter, limit: 3), in: "notes")
//     try store.close()
//
// Any vector will do for cosine: the store divides it by its length. Examples/SearchNotes is a program of its own that does this.
