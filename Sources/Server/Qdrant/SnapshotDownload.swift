// Snapshots from other servers of this machine.

import Foundation

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// Fetches files over HTTP from loopback addresses only, and follows no redirects: whoever may ask this server could ask those
/// servers, too, and a server that fetches what it is told to looks into its network for whoever asks.
enum SnapshotDownload {
    static func mayFetch(_ url: URL) -> Bool {
        ["localhost", "127.0.0.1", "::1", "[::1]"].contains(url.host()?.lowercased())
    }

    /// Runs `body` with the path of the file, which is gone afterwards.
    ///
    /// - Throws: `QdrantError` of status 400 in Qdrant's words; what `body` throws.
    static func withFile<Value>(of url: URL, _ body: (String) async throws -> Value) async throws -> Value {
        let session = URLSession(configuration: .ephemeral, delegate: NoRedirects(), delegateQueue: nil)
        defer { session.finishTasksAndInvalidate() }
        func failure(_ reason: String) -> QdrantError {
            QdrantError(
                message: "Bad request: Failed to download snapshot from \(url.absoluteString.prefix(200)): \(reason)")
        }
        let (file, response): (URL, URLResponse)
        do {
            (file, response) = try await session.download(from: url)
        } catch {
            throw failure("it cannot be fetched")
        }
        defer { try? FileManager.default.removeItem(at: file) }
        let status = (response as? HTTPURLResponse)?.statusCode ?? 0
        guard status == 200 else { throw failure("status - \(status)") }
        return try await body(file.path(percentEncoded: false))
    }

    private final class NoRedirects: NSObject, URLSessionTaskDelegate, Sendable {
        func urlSession(
            _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
            newRequest request: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
        ) {
            completionHandler(nil)
        }
    }
}
