// The first page of a snapshot: what the rest must be.

/// What a snapshot carries for its caller, who gets it back when it is opened. The index makes nothing of it.
public struct SnapshotStamp: Hashable, Sendable, ExpressibleByIntegerLiteral {
    /// The number of the last change that is in the snapshot, say.
    public var number: UInt64
    /// In whose count, say: two that began alike give other changes the same numbers.
    public var origin: UInt64

    public init(_ number: UInt64, origin: UInt64 = 0) { (self.number, self.origin) = (number, origin) }
    public init(integerLiteral number: UInt64) { self.init(number) }
}

/// A snapshot is this header and eleven sections, each starting on a multiple of the page size, in the machine's byte order:
///
///     records · codeInfo · halfScale · firstRow · upperStart · upper · nextRow · nodeOfRow · free · hashes · floats
///
/// Lengths and offsets follow from the counts and are not stored, so that they cannot contradict them.
struct SnapshotHeader: Equatable {
    static let version: UInt64 = 4
    /// "minihnsw" in bytes; read in the other byte order it is another number, and the file foreign.
    static let magic: UInt64 = 0x7773_6E68_696E_696D
    static let sectionCount = 11
    static let fieldCount = 16
    /// Fields, hashes of sections, hash of all that.
    static let byteCount = (fieldCount + sectionCount + 1) * 8

    var configuration: HNSWConfiguration
    var nodes = 0
    var lists = 0
    /// Rows up to the greatest present.
    var rowLimit = 0
    var rows = 0
    var free = 0
    var entry: UInt64 = 0
    var stamp: SnapshotStamp = 0
    var hashes: [UInt64] = Array(repeating: 0, count: sectionCount)

    init(configuration: HNSWConfiguration) { self.configuration = configuration }

    /// Bytes of each section. No overflow: 2³¹ records of 17 kB are 2⁴⁶ bytes, and `init(words:)` lets no more pass.
    var lengths: [Int] {
        let layout = RecordLayout(configuration)
        return [
            nodes * layout.stride, layout.isCoded ? nodes * 8 : 0, layout.walksByHalves ? nodes * 2 : 0, nodes * 4,
            nodes * 4, lists * configuration.M * 4, rowLimit * 4, rowLimit * 4, free * 4, nodes * 4,
            layout.isCoded ? nodes * configuration.dimension * 4 : 0,
        ]
    }

    /// The index of the floats' section, which is checked by `verify()` only.
    static let floatsSection = 10

    static func offsets(_ lengths: [Int]) -> [Int] {
        var offset = MemoryRegion.pageSize
        return lengths.map { length in
            defer { offset += MemoryRegion.roundedUp(length) }
            return offset
        }
    }

    static func fileLength(_ lengths: [Int]) -> Int {
        MemoryRegion.pageSize + lengths.reduce(0) { $0 + MemoryRegion.roundedUp($1) }
    }

    // MARK: Words

    private static let distances: [Distance] = [.cosine, .dot, .euclid, .manhattan]

    var words: [UInt64] {
        var words: [UInt64] = [
            Self.magic, Self.version, UInt64(configuration.dimension),
            UInt64(Self.distances.firstIndex(of: configuration.distance) ?? 0), UInt64(configuration.M),
            UInt64(configuration.efConstruction), UInt64(configuration.codes.rawValue),
            configuration.keepPruned ? 1 : 0,
            configuration.seed, UInt64(nodes), UInt64(lists) << 32 | UInt64(free), UInt64(rowLimit), UInt64(rows),
            entry, stamp.number, stamp.origin,
        ]
        words += hashes
        words.append(Self.hash(words))
        return words
    }

    static func hash(_ words: [UInt64]) -> UInt64 {
        unsafe words.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return 0 }
            return unsafe Checksum.hash(base, count: bytes.count)
        }
    }

    /// Reads what `words` wrote, believing nothing.
    init(words: [UInt64]) throws(HNSWError) {
        guard words.count == Self.byteCount / 8, words[0] == Self.magic else {
            throw .invalidSnapshot("the file does not begin as one made by this kind of machine")
        }
        if (1..<Self.version).contains(words[1]) { throw .olderSnapshot(version: words[1]) }
        guard words[1] == Self.version else {
            throw .invalidSnapshot("version \(words[1]), this program reads version \(Self.version)")
        }
        guard Self.hash(Array(words.dropLast())) == words[words.count - 1] else {
            throw .invalidSnapshot("the header is damaged")
        }
        let limit = UInt64(treeBit)
        guard words[2] <= 4096, words[3] < UInt64(Self.distances.count), words[4] <= 128, words[5] <= 65_536,
            let codes = UInt32(exactly: words[6]).flatMap(HNSWConfiguration.Codes.init(rawValue:)), words[7] <= 1,
            words[9] < limit, words[10] >> 32 < limit, words[10] & 0xFFFF_FFFF <= words[9], words[11] <= limit,
            words[12] <= words[11]
        else { throw .invalidSnapshot("the header names impossible sizes") }
        configuration = HNSWConfiguration(
            dimension: Int(words[2]), distance: Self.distances[Int(words[3])], M: Int(words[4]),
            efConstruction: Int(words[5]), codes: codes, keepPruned: words[7] == 1, seed: words[8])
        nodes = Int(words[9])
        lists = Int(words[10] >> 32)
        free = Int(words[10] & 0xFFFF_FFFF)
        rowLimit = Int(words[11])
        rows = Int(words[12])
        entry = words[13]
        stamp = SnapshotStamp(words[14], origin: words[15])
        hashes = Array(words[Self.fieldCount..<Self.fieldCount + Self.sectionCount])
        try configuration.validate()
    }
}
