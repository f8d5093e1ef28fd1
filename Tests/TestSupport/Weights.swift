// Where tests find the real model.

import Foundation

/// What `make weights` fetched, or the directory that MINILM_WEIGHTS names.
public enum Weights {
    public static let directory =
        ProcessInfo.processInfo.environment["MINILM_WEIGHTS"]
        ?? (0..<3).reduce(URL(filePath: #filePath)) { url, _ in url.deletingLastPathComponent() }
        .appending(path: "weights/all-MiniLM-L6-v2").path
}
