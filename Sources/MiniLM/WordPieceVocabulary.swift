// The vocabulary as a trie over UTF-8 bytes: the longest piece at a place is found in one pass, without making strings.

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The pieces of a WordPiece vocabulary and their ids.
struct WordPieceVocabulary: Sendable {
    /// Where a walk down the trie is. Two roots: pieces that begin a word, and those that continue one (`##…`).
    typealias Node = Int32
    static let wordRoot: Node = 0
    static let continuationRoot: Node = 1

    /// The tokens by id, as the file has them.
    let tokens: [String]

    /// Children as a hash table with open addressing: the key is node * 256 + byte + 1, zero is a free place.
    private var keys: [UInt64]
    private var children: [Node]
    private var mask: Int
    /// The id of the piece that ends at a node, -1 for none.
    private var ids: [Int32] = [-1, -1]

    /// Reads `vocab.txt`: a token a line, its id is the line's number.
    init(contentsOf path: String) throws(TokenizerError) {
        let data: Data
        do {
            data = try Data(contentsOf: URL(filePath: path))
        } catch {
            throw .unreadable(path: path, reason: "\(error)")
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw .malformed(path: path, reason: "it is not UTF-8")
        }
        // On bytes: "\r\n" is one Character, and a token may be a combining mark.
        var lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        tokens = lines.map { line in String(Substring(line.last == UInt8(ascii: "\r") ? line.dropLast() : line)) }
        guard tokens.count <= Int32.max else { throw .malformed(path: path, reason: "it has too many tokens") }

        let bytes = tokens.reduce(0) { $0 + $1.utf8.count }
        // At most one node a byte: the table is never more than half full.
        let capacity = max(16, (2 * bytes).roundedUpToPowerOfTwo)
        keys = [UInt64](repeating: 0, count: capacity)
        children = [Node](repeating: 0, count: capacity)
        mask = capacity - 1
        for (id, token) in tokens.enumerated() {
            let continues = token.utf8.starts(with: "##".utf8) && token.utf8.count > 2
            insert(continues ? token.utf8.dropFirst(2) : token.utf8[...], continues: continues, id: Int32(id))
        }
    }

    /// The id of a whole token, `[CLS]` or `##ing` as written in the file; nil for one that is not there.
    func id(of token: String) -> Int32? {
        let continues = token.utf8.starts(with: "##".utf8) && token.utf8.count > 2
        var node: Node? = continues ? Self.continuationRoot : Self.wordRoot
        for byte in continues ? token.utf8.dropFirst(2) : token.utf8[...] {
            node = node.flatMap { child(of: $0, byte) }
        }
        return node.flatMap(id(at:))
    }

    /// The id of the piece that ends at `node`; nil when none does.
    func id(at node: Node) -> Int32? {
        let id = ids[Int(node)]
        return id >= 0 ? id : nil
    }

    /// The node one byte further; nil when no piece goes on so.
    func child(of node: Node, _ byte: UInt8) -> Node? {
        let key = Self.key(node, byte)
        var slot = Self.hash(key) & mask
        while keys[slot] != 0 {
            if keys[slot] == key { return children[slot] }
            slot = (slot + 1) & mask
        }
        return nil
    }

    private mutating func insert(_ piece: Substring.UTF8View, continues: Bool, id: Int32) {
        var node = continues ? Self.continuationRoot : Self.wordRoot
        for byte in piece {
            let key = Self.key(node, byte)
            var slot = Self.hash(key) & mask
            while keys[slot] != 0, keys[slot] != key { slot = (slot + 1) & mask }
            if keys[slot] == 0 {
                keys[slot] = key
                children[slot] = Node(ids.count)
                ids.append(-1)
            }
            node = children[slot]
        }
        // A token that is listed twice has its last id, as a Python dictionary filled from the file.
        ids[Int(node)] = id
    }

    private static func key(_ node: Node, _ byte: UInt8) -> UInt64 {
        UInt64(UInt32(bitPattern: node)) << 8 | UInt64(byte) &+ 1 << 40
    }

    /// Fibonacci hashing (Knuth, TAOCP 3, §6.4).
    private static func hash(_ key: UInt64) -> Int {
        Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> 20)
    }
}

extension Int {
    fileprivate var roundedUpToPowerOfTwo: Int { self <= 1 ? 1 : 1 << (Int.bitWidth - (self - 1).leadingZeroBitCount) }
}
