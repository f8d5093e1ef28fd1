// Everything that goes wrong in a store.

/// Why a store could not do what it was asked. Where Qdrant has words for it, these are its words: clients match on them.
public enum StoreError: Error, Sendable, Equatable {
    /// No collection of this name.
    case collectionNotFound(String)
    /// A query names a collection that is not there.
    case lookupNotFound(String)
    /// No alias of this name, where one is needed.
    case aliasNotFound(String)
    /// The collection to create is there already.
    case collectionExists(String)
    /// The collection has no vector of this name, or not of this kind.
    case unknownVector(String)
    /// No point of this id, where one is needed.
    case pointNotFound(PointID)
    /// A vector of the wrong size.
    case wrongDimension(expected: Int, got: Int)
    /// A member of a request that is out of bounds or says nothing; the text says which, where and why.
    case invalid(String)
    /// A request that makes no sense; the text says why.
    case badRequest(String)
    /// Values that cannot be stored or compared; the text says why.
    case wrongInput(String)
    /// Another process, or another store of this one, has the directory open.
    case locked(directory: String, holder: Int32?)
    /// The directory or a file in it cannot be used; the text says what the system said.
    case unusable(path: String, reason: String)
    /// The database file is not what it should be; the text says what, and where if SQLite knows. What found it, be it the opening or an
    /// operation, changed nothing in it.
    case damaged(path: String, reason: String)
    /// The database was written by a newer version of this program.
    case newerSchema(path: String)
    /// No space left where the database is. Nothing of the operation was kept.
    case diskFull(path: String)
    /// The caller's task was cancelled. Nothing of the operation was kept.
    case cancelled
    /// SQLite reported something else.
    case database(String)
}

extension StoreError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .collectionNotFound(let name): "Not found: Collection `\(name)` doesn't exist!"
        case .lookupNotFound(let name): "Not found: Collection \(name) not found"
        case .aliasNotFound(let name): "Not found: Alias \(name) does not exists!"
        case .collectionExists(let name): "Wrong input: Collection `\(name)` already exists!"
        case .wrongDimension(let expected, let got):
            "Wrong input: Vector dimension error: expected dim: \(expected), got \(got)"
        case .unknownVector(let name): "Wrong input: Not existing vector name error: \(name)"
        case .pointNotFound(let id): "Not found: No point with id \(id) found"
        case .wrongInput(let reason): "Wrong input: \(reason)"
        case .badRequest(let reason): "Bad request: \(reason)"
        case .invalid(let reason): "Validation error in JSON body: [\(reason)]"
        case .locked(let directory, let holder):
            """
            The data directory \(directory) is in use\(holder.map { " by process \($0)" } ?? ""): stop that process, or choose \
            another directory.
            """
        case .unusable(let path, let reason): "\(path) cannot be used: \(reason)"
        case .damaged(let path, let reason):
            """
            \(path) is damaged (\(reason)). Nothing in it was changed by what found this. Restore a copy (`minilm backup` makes them), or move it away to \
            begin anew.
            """
        case .newerSchema(let path):
            "\(path) was written by a newer version of this program: use that version, or another directory."
        case .diskFull(let path):
            "The disk that holds \(path) is full: nothing of the operation was kept. Make room and try again."
        case .cancelled: "The operation was cancelled: nothing of it was kept."
        case .database(let message): "SQLite: \(message)"
        }
    }
}
