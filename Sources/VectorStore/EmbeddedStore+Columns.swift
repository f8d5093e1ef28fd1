// Columns of the database as values, and SQLite's errors as the store's.

import Foundation
import GRDB

extension EmbeddedStore {
    /// Text is bound as a C string: what came after a NUL would be lost.
    static func checkText(_ text: String, _ what: String) throws(StoreError) {
        if text.utf8.contains(0) { throw .badRequest("\(what) must not contain a NUL character") }
    }

    /// The id in a row's column of that name.
    static func id(_ row: Row, path: String) throws -> PointID {
        guard let id = PointID(key: try row.decode(forColumn: "id")) else {
            throw StoreError.damaged(path: path, reason: "a point's id is not valid")
        }
        return id
    }

    /// The payload in a row's column of that name.
    static func payload(_ row: Row, path: String) throws -> JSONObject {
        try payload(of: row.decode(forColumn: "payload"), path: path)
    }

    /// The payload that a text of that column is.
    static func payload(of text: String, path: String) throws(StoreError) -> JSONObject {
        do throws(JSONError) {
            guard let object = try JSONValue(parsing: text.utf8).object else {
                throw JSONError(message: "Not an object", position: 0)
            }
            return object
        } catch {
            throw .damaged(path: path, reason: "a payload is not JSON: \(error)")
        }
    }

    /// The vectors in a row's column of that name, such as the collection has, as they are stored today.
    static func vectors(_ row: Row, _ configuration: CollectionConfiguration, path: String) throws -> NamedVectors {
        guard let vectors = VectorsCoding.decode(try row.decode(forColumn: "vectors")) else {
            throw StoreError.damaged(path: path, reason: "a point's vectors are not valid")
        }
        for (name, vector) in vectors {
            let isRight =
                switch vector {
                case .dense(let values):
                    configuration.vectors[name]?.isMulti == false
                        && values.count == configuration.vectors[name]?.size && values.allSatisfy(\.isFinite)
                case .multi(let rows):
                    configuration.vectors[name]?.isMulti == true
                        && rows.allSatisfy {
                            $0.count == configuration.vectors[name]?.size && $0.allSatisfy(\.isFinite)
                        }
                case .sparse: configuration.sparseVectors[name] != nil
                }
            guard isRight else {
                throw StoreError.damaged(path: path, reason: "a point has a vector that is none of its collection's")
            }
        }
        return configuration.today(vectors)
    }
}

extension StoreError {
    /// Runs `body` and makes store errors of what SQLite says.
    static func translating<Value>(_ path: String, _ body: () throws -> Value) throws(StoreError) -> Value {
        do { return try body() } catch { throw StoreError(error, path: path) }
    }

    static func translating<Value>(_ path: String, _ body: () async throws -> Value) async throws(StoreError) -> Value {
        do { return try await body() } catch { throw StoreError(error, path: path) }
    }

    init(_ error: any Error, path: String) {
        switch error {
        case let error as StoreError: self = error
        case is CancellationError: self = .cancelled
        // SQLite's columns hold any type, ours hold one.
        case is RowDecodingError: self = .damaged(path: path, reason: "a column holds a value of the wrong type")
        case let error as DatabaseError:
            let message = error.message ?? "\(error.resultCode)"
            switch error.resultCode {
            case .SQLITE_FULL: self = .diskFull(path: path)
            // The index of the log, beside the database, could not be made longer: no other room is asked for by that name.
            case .SQLITE_IOERR where error.extendedResultCode == .SQLITE_IOERR_SHMSIZE: self = .diskFull(path: path)
            case .SQLITE_CORRUPT, .SQLITE_NOTADB: self = .damaged(path: path, reason: message)
            case .SQLITE_CANTOPEN, .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_IOERR:
                self = .unusable(path: path, reason: message)
            case .SQLITE_INTERRUPT, .SQLITE_ABORT: self = .cancelled
            default: self = .database(message)
            }
        case let error as CocoaError where error.code == .fileWriteOutOfSpace: self = .diskFull(path: path)
        case let error as CocoaError:
            self = .unusable(path: error.filePath ?? path, reason: error.localizedDescription)
        default: self = .database("\(error)")
        }
    }
}
