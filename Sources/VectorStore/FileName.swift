// Names of collections and vectors as parts of files' names.

/// Names are any text up to 255 bytes; a file's name has neither slashes nor dots that lead elsewhere, and 255 bytes with all that
/// stands around it.
package enum FileName {
    /// Two hexadecimal digits a byte, or the SHA-256 of a name longer than 64 bytes.
    package static func spelling(_ name: String) -> String {
        let bytes = Array(name.utf8)
        return (bytes.count <= 64 ? bytes : SHA256.digest(bytes)).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
            .joined() + (bytes.count <= 64 ? "" : "-sha256")
    }
}
