// What the caller can be told about a request that the retrieval rooms cannot serve. The HTTP table maps each case to a
// status once (HTTP/ErrorTable.swift).

/// A request that cannot be served as it stands; every message says what was wrong and what to do.
enum RequestError: Error, Sendable, Equatable {
    /// The content or a parameter is unusable: 400.
    case badRequest(String)
    /// Something named in the request does not exist: 404.
    case notFound(String)
    /// More than a limit allows: 413.
    case tooLarge(String)
    /// The server has as much to do as it accepts: 429, with the seconds after which to try again.
    case overloaded(String, retryAfter: Int)
    /// Something the request needs is not there at the moment: 503.
    case unavailable(String)
}

extension RequestError: CustomStringConvertible {
    var description: String {
        switch self {
        case .badRequest(let text), .notFound(let text), .tooLarge(let text), .unavailable(let text): text
        case .overloaded(let text, _): text
        }
    }
}
