// The vocabulary as a trie over UTF-8 bytes: the longest piece at a place is found in one pass, without making strings.

/// The pieces of a WordPiece vocabulary and their ids.
struct WordPieceVocabulary: Sendable {
    /// Where a walk down the trie is. A node where a piece ends has the piece's id as its number; all others have numbers
    /// from `count` on, so that a step down says at once whether a piece ends there.
    typealias Node = UInt32

    /// How many tokens there are.
    let count: Int
    /// The root of pieces that begin a word.
    let wordRoot: Node
    /// The root of pieces that continue one (`##…`).
    let continuationRoot: Node

    /// The tokens, and where each of them is: [count].
    private let text: [UInt8]
    private let lines: [Range<Int>]

    /// The edges as a hash table with open addressing: parent, byte and child in 32, 8 and 24 bits; zero is a free place.
    /// An eight-byte slot an edge keeps the part of the trie that ordinary text walks on in the processor's cache.
    private var edges: [UInt64]
    private var edgeCount = 0
    private var nextNode: Node
    private static let childMask: UInt64 = 0xFF_FFFF
    /// There are at most as many nodes as bytes, and two roots.
    private static let mostBytes = Int(childMask) - 3
    /// As many as config.json may say; the largest real ones have half as many.
    private static let mostTokens = 1 << 20

    /// Reads `vocab.txt`: a token a line, its id is the line's number.
    init(contentsOf path: String) throws(TokenizerError) {
        let text = try Self.text(of: path, atMost: Self.mostBytes)
        self.init(text: text, lines: Self.lines(of: text))
    }

    /// Reads `model.vocab` of tokenizer.json. An id that no token has is as a blank line of vocab.txt: there is one for each of two
    /// equal lines once a vocab.txt has been converted.
    init(tokenizerJSON path: String) throws(TokenizerError) {
        let file = try Self.text(of: path, atMost: mostJSONBytes)
        var tokens: [[UInt8]?] = []
        do throws(VocabularyReader.Failure) {
            var reader = VocabularyReader(file)
            try reader.readVocabulary { token, id throws(VocabularyReader.Failure) in
                guard (0..<Self.mostTokens).contains(id) else {
                    throw .init("the id \(id) is not between 0 and \(Self.mostTokens - 1)")
                }
                while tokens.count <= id { tokens.append(nil) }
                guard tokens[id] == nil else { throw .init("two tokens have the id \(id)") }
                tokens[id] = token
            }
        } catch {
            throw .malformed(path: path, reason: error.reason)
        }
        var text: [UInt8] = []
        var lines: [Range<Int>] = []
        for token in tokens {
            let start = text.count
            text += token ?? []
            lines.append(start..<text.count)
            text.append(UInt8(ascii: "\n"))
        }
        guard text.count <= Self.mostBytes else {
            throw .malformed(path: path, reason: "its tokens have more than \(Self.mostBytes) bytes")
        }
        self.init(text: text, lines: lines)
    }

    /// A file that is UTF-8.
    private static func text(of path: String, atMost limit: Int) throws(TokenizerError) -> [UInt8] {
        let text: [UInt8]
        do {
            text = try MappedFile(path: path, atMost: limit).contents()
        } catch {
            throw TokenizerError(error)
        }
        guard String(validating: text, as: UTF8.self) != nil else {
            throw .malformed(path: path, reason: "it is not UTF-8")
        }
        return text
    }

    /// Makes the trie of at most `mostBytes` of text, whose lines are tokens or blank.
    private init(text: [UInt8], lines: [Range<Int>]) {
        self.text = text
        self.lines = lines
        count = lines.count
        wordRoot = Node(count)
        continuationRoot = Node(count + 1)
        nextNode = Node(count + 2)
        edges = [UInt64](repeating: 0, count: 1 << 17)

        // Shorter tokens first: where a token ends, no node is yet. Of two equal ones the later counts, as in a Python
        // dictionary filled from the file.
        let order = lines.indices.map { UInt64(lines[$0].count) << 32 | UInt64($0) }.sorted()
        for id in order.map({ Int($0 & 0xFFFF_FFFF) }) where !lines[id].isEmpty { insert(id) }
    }

    /// A token as the file has it; nil for an id that is none.
    func token(_ id: Int32) -> String? {
        guard lines.indices.contains(Int(id)) else { return nil }
        return String(decoding: text[lines[Int(id)]], as: UTF8.self)
    }

    /// The id of a whole token, `[CLS]` or `##ing` as written in the file; nil for one that is not there.
    func id(of token: String) -> Int32? {
        let (root, piece) = split(Array(token.utf8)[...])
        var node = root
        for byte in piece {
            guard let child = child(of: node, byte) else { return nil }
            node = child
        }
        return id(at: node)
    }

    /// The id of the piece that ends at `node`; nil when none does.
    func id(at node: Node) -> Int32? {
        node < wordRoot ? Int32(node) : nil
    }

    /// The node one byte further; nil when no piece goes on so.
    func child(of node: Node, _ byte: UInt8) -> Node? {
        let edge = edges[slot(of: node, byte)]
        return edge == 0 ? nil : Node(edge & Self.childMask)
    }

    // MARK: - Making it

    private static func lines(of text: [UInt8]) -> [Range<Int>] {
        var lines: [Range<Int>] = []
        var start = 0
        for index in text.indices where text[index] == UInt8(ascii: "\n") {
            lines.append(start..<(index > start && text[index - 1] == UInt8(ascii: "\r") ? index - 1 : index))
            start = index + 1
        }
        if start < text.count { lines.append(start..<text.count) }
        return lines
    }

    /// Where a token's piece begins in the trie, and its bytes.
    private func split(_ token: ArraySlice<UInt8>) -> (root: Node, piece: ArraySlice<UInt8>) {
        let continues = token.count > 2 && token.starts(with: "##".utf8)
        return continues ? (continuationRoot, token.dropFirst(2)) : (wordRoot, token)
    }

    private mutating func insert(_ id: Int) {
        let (root, piece) = split(text[lines[id]])
        var node = root
        for index in piece.indices {
            let isLast = index + 1 == piece.endIndex
            if let child = child(of: node, piece[index]), !isLast {
                node = child
                continue
            }
            let child = isLast ? Node(id) : nextNode
            if !isLast { nextNode += 1 }
            insert(edge: Self.key(node, piece[index]) << 24 | UInt64(child))
            node = child
        }
    }

    private mutating func insert(edge: UInt64) {
        if 2 * edgeCount >= edges.count {
            let old = edges
            edges = [UInt64](repeating: 0, count: 2 * old.count)
            for edge in old where edge != 0 { edges[slot(ofKey: edge >> 24)] = edge }
        }
        let slot = slot(ofKey: edge >> 24)
        if edges[slot] == 0 { edgeCount += 1 }
        edges[slot] = edge
    }

    private static func key(_ node: Node, _ byte: UInt8) -> UInt64 { UInt64(node) << 8 | UInt64(byte) }

    private func slot(of node: Node, _ byte: UInt8) -> Int { slot(ofKey: Self.key(node, byte)) }

    /// The place of an edge, or the free one where it would go. Fibonacci hashing (Knuth, TAOCP 3, §6.4).
    private func slot(ofKey key: UInt64) -> Int {
        let mask = edges.count - 1
        var slot = Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> 32) & mask
        while edges[slot] != 0, edges[slot] >> 24 != key { slot = (slot + 1) & mask }
        return slot
    }
}
