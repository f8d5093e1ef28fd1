// Stems of words, by Snowball's algorithms.

import CStemmer
import Synchronization

/// The languages whose words Qdrant can stem, by its names.
public enum StemmerLanguage: String, Sendable, CaseIterable {
    case arabic, armenian, danish, dutch, english, finnish, french, german, greek, hungarian
    case italian, norwegian, portuguese, romanian, russian, spanish, swedish, tamil, turkish

    /// By its name or its code of ISO 639-1; nil for any other.
    public init?(named name: String) {
        let codes: [String: StemmerLanguage] = [
            "ar": .arabic, "hy": .armenian, "da": .danish, "nl": .dutch, "en": .english, "fi": .finnish, "fr": .french,
            "de": .german, "el": .greek, "hu": .hungarian, "it": .italian, "no": .norwegian, "pt": .portuguese,
            "ro": .romanian, "ru": .russian, "es": .spanish, "sv": .swedish, "ta": .tamil, "tr": .turkish,
        ]
        guard let language = StemmerLanguage(rawValue: name) ?? codes[name] else { return nil }
        self = language
    }

    /// Whether this system has the library that stems. Without it words of an index that was made with it stay whole, and what asks for
    /// them is refused.
    public static var isAvailable: Bool { c_stemmer_is_available() != 0 }

    /// What is missing where `isAvailable` is false, and what to do.
    public static let requirement =
        "stemming needs the library libstemmer, which this system has not: install libstemmer0d (Debian), libstemmer (Fedora) or snowball (Arch) and start the server again"
}

/// Takes endings off words of one language.
final class Stemmer: Sendable {
    /// Longer words are none: they stay whole, whatever the algorithm would make of them.
    private static let longestWord = 255

    /// The library's object. It is never given back, because its owners live as long as the process.
    @safe private struct Handle: @unchecked Sendable {
        // Whoever has the lock is the only one to use it.
        let pointer: UnsafeMutableRawPointer
    }

    private let handle: Mutex<Handle>
    private static let known = Mutex<[StemmerLanguage: Stemmer]>([:])

    /// The stemmer of a language; nil when this system has none.
    static func of(_ language: StemmerLanguage) -> Stemmer? {
        known.withLock { known in
            if let stemmer = known[language] { return stemmer }
            let pointer = unsafe c_stemmer_new(language.rawValue)
            guard let pointer = unsafe pointer else { return nil }
            let stemmer = unsafe Stemmer(Handle(pointer: pointer))
            known[language] = stemmer
            return stemmer
        }
    }

    private init(_ handle: Handle) { self.handle = Mutex(handle) }

    /// The stem of a word in lower case.
    func stem(_ word: String) -> String {
        let bytes = Array(word.utf8)
        guard 1...Self.longestWord ~= bytes.count else { return word }
        // Some algorithms put a letter where they took several: none makes a word longer than this.
        let capacity = bytes.count + 16
        let stem = handle.withLock { handle in
            unsafe [UInt8](unsafeUninitializedCapacity: capacity) { stem, count in
                let written = unsafe c_stemmer_stem(
                    handle.pointer, bytes, bytes.count, stem.baseAddress, capacity)
                count = max(0, written)
            }
        }
        return stem.isEmpty ? word : String(decoding: stem, as: UTF8.self)
    }
}
