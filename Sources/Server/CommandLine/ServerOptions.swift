// Which running server `index` and `ask` talk to.

import ArgumentParser

struct ServerOptions: ParsableArguments {
    @Option(help: "The running server (env MINILM_SERVER; default: http://127.0.0.1:5002, or PORT).")
    var server: String?

    @Option(help: "The server's API key (env API_KEY).")
    var apiKey: String?

    /// The server named, or the one on this machine's usual port.
    ///
    /// - Throws: `ValidationError` that says how to start one when none answers.
    func connect() async throws -> RemoteServer {
        let port = try setting(nil as Int?, "PORT", default: 5002)
        let address = try setting(server, "MINILM_SERVER", default: "http://127.0.0.1:\(port)")
        let remote = try RemoteServer(address, apiKey: try optionalSetting(apiKey, "API_KEY"))
        guard await remote.isUp() else {
            throw ValidationError(
                "No minilm server answers at \(address). Start one with: make run (or minilm serve), or name it with --server."
            )
        }
        return remote
    }
}
