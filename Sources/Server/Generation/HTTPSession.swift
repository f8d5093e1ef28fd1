// URLSession set up for a server on the same machine or network, and the hand-over from its delegate to the exchanges.

import Foundation
import Synchronization

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// Keeps connections open between exchanges; closes them when it goes.
final class HTTPSession: Sendable {
    private let session: URLSession
    private let delegate = Delegate()

    init() {
        Self.keepLoopbackOffProxies
        // No cookies, no cache, nothing on disk.
        let configuration = URLSessionConfiguration.ephemeral
        configuration.httpCookieStorage = nil
        configuration.urlCache = nil
        // The deadlines are ours (HTTPExchange.next): a model may take minutes to load before its first byte.
        configuration.timeoutIntervalForRequest = 24 * 3600
        configuration.timeoutIntervalForResource = 7 * 24 * 3600
        // Waiting for the model happens in ChatQueue, where it is bounded and fair; the default of six would queue here
        // unseen, and a status request behind six answers would look like a dead server.
        configuration.httpMaximumConnectionsPerHost = 256
        session = URLSession(configuration: configuration, delegate: delegate, delegateQueue: nil)
    }

    /// libcurl takes proxies from the environment (`http_proxy`) for this machine's own addresses too, unlike
    /// Ollama's programs: on a laptop in a company's network, questions would go to its proxy. `no_proxy` is
    /// libcurl's way out; it is set once per process, before the first connection reads it.
    private static let keepLoopbackOffProxies: Void = {
        let environment = ProcessInfo.processInfo.environment
        let exempt = environment["no_proxy"] ?? environment["NO_PROXY"] ?? ""
        guard exempt != "*", environment.keys.contains(where: { $0.lowercased().hasSuffix("_proxy") }) else { return }
        let loopback = "localhost,127.0.0.1,::1"
        _ = unsafe setenv("no_proxy", exempt.isEmpty ? loopback : "\(exempt),\(loopback)", 1)
    }()

    deinit {
        session.invalidateAndCancel()
    }

    /// Sends a request; its events are read from the exchange. Letting go of the exchange cancels it.
    func start(_ request: URLRequest, lineLimit: Int) -> HTTPExchange {
        let task = session.dataTask(with: request)
        let exchange = HTTPExchange(task: task, lineLimit: lineLimit)
        delegate.exchanges.withLock { $0[task.taskIdentifier] = Weak(exchange) }
        task.resume()
        return exchange
    }

    /// How many exchanges have not been completed by URLSession.
    var openExchanges: Int { delegate.exchanges.withLock { $0.count } }

    private struct Weak: Sendable {
        weak let exchange: HTTPExchange?
        init(_ exchange: HTTPExchange) { self.exchange = exchange }
    }

    private final class Delegate: NSObject, URLSessionDataDelegate, Sendable {
        let exchanges = Mutex<[Int: Weak]>([:])

        private func exchange(_ task: URLSessionTask) -> HTTPExchange? {
            exchanges.withLock { $0[task.taskIdentifier]?.exchange }
        }

        func urlSession(
            _ session: URLSession, task: URLSessionTask, didSendBodyData: Int64, totalBytesSent: Int64,
            totalBytesExpectedToSend: Int64
        ) {
            exchange(task)?.didSend()
        }

        func urlSession(
            _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
            completionHandler: @escaping @Sendable (URLSession.ResponseDisposition) -> Void
        ) {
            exchange(dataTask)?.didReceive(status: (response as? HTTPURLResponse)?.statusCode ?? 0)
            completionHandler(.allow)
        }

        func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
            exchange(dataTask)?.didReceive(data)
        }

        func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
            let exchange = exchanges.withLock { $0.removeValue(forKey: task.taskIdentifier)?.exchange }
            exchange?.didComplete(error)
        }

        /// Ollama never redirects: following one would send a question to somebody else.
        func urlSession(
            _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
            newRequest request: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
        ) {
            completionHandler(nil)
        }
    }
}
