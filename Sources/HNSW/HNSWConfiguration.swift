// What an index is made of, decided once.

/// The parameters of an index, named as in the paper (Malkov & Yashunin 2018, arXiv 1603.09320).
public struct HNSWConfiguration: Sendable, Equatable {
    /// How vectors look to the traversal.
    public enum Codes: UInt32, Sendable, CaseIterable {
        /// Eight bits an element with one scale a vector; what is found is ranked again by the floats. From 128 elements on, products
        /// (cosine and dot) are traversed by the high four bits alone and ordered by all eight before that. Manhattan distance does not
        /// split into scales and dot products and is traversed in floats whatever is said here.
        case int8 = 1
        /// The floats themselves, kept beside the links.
        case float32 = 2
    }

    /// Elements of a vector, 1...4096.
    public var dimension: Int
    public var distance: Distance
    /// Links a new node makes on each layer; a node keeps up to M above layer 0 and 2M on it. 2...128.
    public var M: Int
    /// Candidates a new node's neighbours are chosen from.
    public var efConstruction: Int
    public var codes: Codes
    /// Algorithm 4's keepPrunedConnections: fill up with what the diversity heuristic refused.
    public var keepPruned: Bool
    /// Decides the layers of nodes. On one thread, equal input in equal order gives an equal graph.
    public var seed: UInt64

    public init(
        dimension: Int, distance: Distance = .cosine, M: Int = 16, efConstruction: Int = 100, codes: Codes = .int8,
        keepPruned: Bool = false, seed: UInt64 = 0
    ) {
        self.dimension = dimension
        self.distance = distance
        self.M = M
        self.efConstruction = efConstruction
        self.codes = codes
        self.keepPruned = keepPruned
        self.seed = seed
    }

    func validate() throws(HNSWError) {
        guard (1...4096).contains(dimension) else {
            throw .invalidConfiguration("dimension \(dimension) is not in 1...4096")
        }
        guard (2...128).contains(M) else { throw .invalidConfiguration("M \(M) is not in 2...128") }
        guard (1...65_536).contains(efConstruction) else {
            throw .invalidConfiguration("efConstruction \(efConstruction) is not in 1...65536")
        }
    }
}

/// Why an index could not be made, grown, written or opened.
public enum HNSWError: Error, Equatable, Sendable, CustomStringConvertible {
    case invalidConfiguration(String)
    /// A vector of another length, or with an element that is not finite.
    case invalidVector(String)
    case outOfMemory(bytes: Int)
    /// 2³¹ - 2 nodes is the most there can be.
    case tooManyVectors
    /// Reading or writing failed: what was tried, on what, with the system's error number.
    case file(String, errno: Int32)
    /// The file is no snapshot that this program can read, or not all of one, or a damaged one. Delete it and build anew.
    case invalidSnapshot(String)
    /// The file was written by an older version of this program, in another format. Nothing is wrong with it: build anew.
    case olderSnapshot(version: UInt64)

    public var description: String {
        switch self {
        case .invalidConfiguration(let reason): "invalid index configuration: \(reason)"
        case .invalidVector(let reason): "invalid vector: \(reason)"
        case .outOfMemory(let bytes): "no memory for \(bytes) bytes of index"
        case .tooManyVectors: "an index holds at most 2147483646 distinct vectors"
        case .file(let action, let errno): "\(action) failed: \(systemMessage(errno))"
        case .invalidSnapshot(let reason): "not a usable index snapshot: \(reason); delete it and build the index again"
        case .olderSnapshot(let version):
            "the snapshot is of version \(version), an older format than this program's, and not damaged"
        }
    }
}
