// Stores a few notes with their vectors, closes the store, opens it again and asks for the nearest, among all and among some. Then the
// same vectors in an index alone, saved to a file and searched from there.
//
//     swift run SearchNotes ../weights/all-MiniLM-L6-v2
//
// Everything is in a temporary directory and goes with the program.

import Foundation
import HNSW
import MiniLM
import VectorStore

@main
struct SearchNotes {
    static let notes = [
        (place: "lighthouse", text: "The keeper rang the fog bell by hand for eleven hours."),
        (place: "lighthouse", text: "Two white flashes every twelve seconds, seen from 22 miles away."),
        (place: "harbour", text: "Dogs travel free on the ferry but must wear a lead on board."),
        (place: "harbour", text: "When waves are higher than three metres, the boat stays in port."),
        (place: "restaurant", text: "On Fridays there is conger eel stew; order before Thursday noon."),
        (place: "restaurant", text: "Dogs may sit with their owners on the terrace."),
    ]

    static func main() async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "SearchNotes-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: directory) }

        let encoder = try SentenceEncoder(
            modelDirectory: CommandLine.arguments.dropFirst().first ?? "weights/all-MiniLM-L6-v2", precision: .i16)
        let embeddings = try encoder.encode(notes.map(\.text))
        let question = Array(try encoder.encode(["May I take my dog on the ferry?"])[0])

        try await store(embeddings, in: directory)
        try await search(question, in: directory)
        try index(embeddings, question, in: directory)
    }

    /// VectorStore: points with ids, vectors and payloads.
    static func store(_ embeddings: Embeddings, in directory: String) async throws {
        let store = try EmbeddedStore(directory: directory)
        try await store.createCollection(
            "notes", CollectionConfiguration(size: embeddings.dimension, distance: .cosine))
        try await store.createPayloadIndex("place", .keyword, in: "notes")
        let points = notes.enumerated().map { number, note in
            Point(
                id: .number(UInt64(number)), vector: Array(embeddings[number]),
                payload: ["text": .string(note.text), "place": .string(note.place)])
        }
        // All of them or none; on the disk when it returns.
        _ = try await store.update([.upsert(points)], in: "notes")
        try store.close()
    }

    static func search(_ question: [Float], in directory: String) async throws {
        let store = try EmbeddedStore(directory: directory)
        let count = try await store.count(nil, in: "notes")
        let restaurant = Filter(must: [.match(key: "place", .value("restaurant"))])
        for (place, filter) in [("of \(count) notes", nil), ("restaurant", restaurant)] {
            let query = PointsQuery(vector: question, filter: filter, limit: 1)
            for hit in try await store.query(query, in: "notes") {
                print("\(place): \(hit.score) “\(hit.payload?["text"]?.string ?? "")”")
            }
        }
        try store.close()
    }

    /// HNSW: vectors by row, and nothing else.
    static func index(_ embeddings: Embeddings, _ question: [Float], in directory: String) throws {
        let index = try HNSWIndex(HNSWConfiguration(dimension: embeddings.dimension, distance: .cosine))
        // For cosine of length 1, as the encoder's are. [rows, dimension], row after row.
        try index.insert(matrix: embeddings.values.span, threads: 2)
        try index.save(to: directory + "/notes.hnsw")

        let opened = try HNSWIndex.restore(from: directory + "/notes.hnsw").index
        let rows = notes.indices.filter { notes[$0].place == "harbour" }
        let harbour = RowBits(rows.map { UInt32($0) }, capacity: notes.count)
        for hit in try opened.search(question.span, count: 2, ef: 64, filter: harbour) {
            print("harbour, by the index: \(hit.score) “\(notes[hit.row].text)”")
        }
    }
}
