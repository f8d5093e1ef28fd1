// What an index owns: regions, counters, locks and the pool of search contexts.

import CIntrinsics

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The memory of an index and the rules for touching it.
///
/// - Searches and insertions hold `gate` shared. Links, row lists and counters are then read and written as atomics, a
///   node's lists under its own lock, the table of vectors and the counters under `allocation`. A node's record is
///   complete before its number is stored anywhere another thread reads.
/// - Growing and removing hold `gate` exclusively, and for a moment a repair, to know that who searches began after it.
/// - Laying the spanning tree holds `writers` exclusively and `gate` shared, and so does naming the nodes that leave in a repair:
///   searches do not look at what is written then, the table of vectors included.
@safe final class IndexState {
    let configuration: HNSWConfiguration
    var graph: Graph

    var records: MemoryRegion
    let codeInfo: MemoryRegion
    let halfScale: MemoryRegion
    let floats: MemoryRegion
    let firstRow: MemoryRegion
    let upperStart: MemoryRegion
    let locks: MemoryRegion
    let upper: MemoryRegion
    let nextRow: MemoryRegion
    let nodeOfRow: MemoryRegion
    let hashes: MemoryRegion
    /// A node's vector in 32 bits: what it is found by in the table, and most others told from it by without reading either vector.
    var hash: FlatBuffer<UInt32>
    var tableMemory: MemoryRegion
    /// Open addressing: node numbers + 1 by the hash of their vector; 0 is empty. No snapshot has it: it is made from the hashes.
    var table: FlatBuffer<UInt32>

    var nodeCapacity: Int
    var rowCapacity: Int

    /// [nodes made, lists of links above layer 0 made, rows present, nodes without rows, nodes taken out of the graph,
    /// 1 while a repair is under way]
    let counters: FlatBuffer<UInt32>
    /// [vectorBytes]: a new vector's codes, before they are packed. Under `allocation`.
    let insertionCode: FlatBuffer<Int8>
    /// Entry point: level + 1 above, node below; 0 when the index is empty.
    let entry: UnsafeMutablePointer<UInt64>
    /// Bytes to lock: allocation, the pool of contexts.
    let spins: FlatBuffer<UInt8>
    let gate: UnsafeMutablePointer<pthread_rwlock_t>
    /// Held shared by who changes anything, exclusively by who writes a snapshot or lays the tree, always before `gate`.
    let writers: UnsafeMutablePointer<pthread_rwlock_t>
    /// Held exclusively by who repairs or writes a snapshot, from beginning to end, before `writers`: a repair lets go of that between its
    /// steps, and in between the tree is not whole.
    let repairs: UnsafeMutablePointer<pthread_rwlock_t>
    /// Contexts nobody is using, 64 at most. Emptied when there is room for more nodes.
    let pool: FlatBuffer<UInt>
    var poolCount = 0
    /// Of the floats of the snapshot this was opened from: their hash and how many bytes they are.
    var floatsHash: (hash: UInt64, length: Int)?
    /// Whether the records are those of a snapshot, in small pages.
    var isMapped = false
    /// Whether a repair is under way: it has left its nodes out of the table, and growth must not bring them back. Changes while `writers`
    /// is held exclusively, and may be asked at any time: a word of its own.
    var isRepairing: Bool {
        get { counters.load(Self.counterRepairing) != 0 }
        set { counters.store(newValue ? 1 : 0, at: Self.counterRepairing) }
    }
    /// Ways into long lists of rows. Under `allocation`, or with `gate` held exclusively.
    var signposts = Signposts()
    /// Numbers of nodes taken out of the graph, to be used again.
    var freeNodes: [UInt32] = [] {
        didSet { counters.store(UInt32(freeNodes.count), at: Self.counterFree) }
    }

    static let poolCapacity = 64
    /// Tries for the pool's lock, which is held for nanoseconds: some ten microseconds' worth.
    static let poolTries = 256
    static let counterNodes = 0
    static let counterLists = 1
    static let counterRows = 2
    static let counterDeleted = 3
    static let counterFree = 4
    static let counterRepairing = 5

    init(_ configuration: HNSWConfiguration, nodeCapacity: Int, rowCapacity: Int) throws(HNSWError) {
        try configuration.validate()
        guard nodeCapacity < Int(treeBit), rowCapacity <= Int(treeBit) else { throw .tooManyVectors }
        self.configuration = configuration
        self.nodeCapacity = max(64, nodeCapacity)
        self.rowCapacity = max(64, rowCapacity)
        let layout = RecordLayout(configuration)
        let nodes = self.nodeCapacity
        records = try MemoryRegion(byteCount: nodes * layout.stride)
        codeInfo = try MemoryRegion(byteCount: layout.isCoded ? nodes * 8 : 8)
        halfScale = try MemoryRegion(byteCount: layout.walksByHalves ? nodes * 2 : 8)
        floats = try MemoryRegion(byteCount: layout.isCoded ? nodes * configuration.dimension * 4 : 8)
        firstRow = try MemoryRegion(byteCount: nodes * 4)
        upperStart = try MemoryRegion(byteCount: nodes * 4)
        locks = try MemoryRegion(byteCount: nodes)
        upper = try MemoryRegion(byteCount: Self.upperBytes(configuration, nodes: nodes))
        nextRow = try MemoryRegion(byteCount: self.rowCapacity * 4)
        nodeOfRow = try MemoryRegion(byteCount: self.rowCapacity * 4)
        graph = Graph(
            dimension: configuration.dimension, distance: configuration.distance, isCoded: layout.isCoded,
            walksByHalves: layout.walksByHalves, M: configuration.M, seed: configuration.seed,
            linkBytes: layout.linkBytes, vectorBytes: layout.vectorBytes, stride: layout.stride,
            records: FlatBuffer(records), codeInfo: FlatBuffer(codeInfo),
            halfScale: FlatBuffer(halfScale), floats: FlatBuffer(floats),
            firstRow: FlatBuffer(firstRow), upperStart: FlatBuffer(upperStart), locks: FlatBuffer(locks),
            upper: FlatBuffer(upper), nextRow: FlatBuffer(nextRow), nodeOfRow: FlatBuffer(nodeOfRow))
        hashes = try MemoryRegion(byteCount: nodes * 4)
        hash = FlatBuffer(hashes)
        tableMemory = try MemoryRegion(byteCount: Self.tableCapacity(nodes) * 4)
        table = FlatBuffer(tableMemory)
        counters = .allocate(8, repeating: 0)
        insertionCode = .allocate(layout.vectorBytes, repeating: 0)
        unsafe entry = .allocate(capacity: 1)
        unsafe entry.initialize(to: 0)
        spins = .allocate(128, repeating: 0)
        pool = .allocate(Self.poolCapacity, repeating: 0)
        unsafe gate = Self.makeGate()
        unsafe writers = Self.makeGate()
        unsafe repairs = Self.makeGate()
    }

    private static func discard(_ gate: UnsafeMutablePointer<pthread_rwlock_t>) {
        unsafe pthread_rwlock_destroy(gate)
        unsafe gate.deallocate()
    }

    private static func makeGate() -> UnsafeMutablePointer<pthread_rwlock_t> {
        let gate = UnsafeMutablePointer<pthread_rwlock_t>.allocate(capacity: 1)
        unsafe gate.initialize(to: pthread_rwlock_t())
        #if os(Linux)
        // By default readers overtake a waiting writer, and searches without a pause would keep it waiting for ever.
        var attributes = pthread_rwlockattr_t()
        unsafe pthread_rwlockattr_init(&attributes)
        unsafe pthread_rwlockattr_setkind_np(&attributes, Int32(PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP))
        unsafe pthread_rwlock_init(gate, &attributes)
        unsafe pthread_rwlockattr_destroy(&attributes)
        #else
        unsafe pthread_rwlock_init(gate, nil)
        #endif
        return unsafe gate
    }

    deinit {
        emptyPool()
        counters.deallocate()
        insertionCode.deallocate()
        spins.deallocate()
        pool.deallocate()
        unsafe entry.deallocate()
        unsafe Self.discard(gate)
        unsafe Self.discard(writers)
        unsafe Self.discard(repairs)
    }

    /// A node has 1 / (M - 1) lists above layer 0 on average; twice that and some is never reached by chance, and is
    /// checked all the same.
    private static func upperBytes(_ configuration: HNSWConfiguration, nodes: Int) -> Int {
        (nodes * 2 / (configuration.M - 1) + 4096) * configuration.M * 4
    }

    /// A power of two, and whole pages.
    private static func tableCapacity(_ nodes: Int) -> Int {
        var capacity = MemoryRegion.pageSize / 4
        while capacity / 4 * 3 < nodes { capacity *= 2 }
        return capacity
    }

    /// Nodes in the graph, and how many of them have no rows.
    ///
    /// For those too who hold no lock: the counters lie where they are for as long as the index lives, and each is one word that is
    /// written and read whole. Two that are read while something changes may be of different moments, and the one is bounded by the other.
    var nodeCounts: (all: Int, deleted: Int) {
        // What is free was made before.
        let free = Int(counters.load(Self.counterFree))
        let all = max(0, Int(counters.load(Self.counterNodes)) - free)
        return (all, min(all, Int(counters.load(Self.counterDeleted))))
    }

    /// Nodes among which `ef` have rows, if those without are spread evenly.
    func view(holding ef: Int) -> Int {
        let (all, deleted) = nodeCounts
        guard deleted > 0, ef > 0, ef < all else { return ef }
        // Both factors are below 2³¹: there are no more nodes.
        return min(all, ef * all / max(1, all - deleted))
    }

    // MARK: Growth

    /// Room for so many nodes and rows. The caller holds `gate` exclusively, or is alone. When it fails, there is as much as before.
    func grow(nodes: Int, rows: Int) throws(HNSWError) {
        let limit = Int(treeBit) - 2
        guard nodes <= limit, rows <= Int(treeBit) else { throw .tooManyVectors }
        let newNodes = nodes <= nodeCapacity ? nodeCapacity : min(limit, max(nodes, nodeCapacity * 2))
        let newRows = rows <= rowCapacity ? rowCapacity : max(rows, rowCapacity * 2)
        let lists = Int(counters[Self.counterLists])
        let listBytes = max(
            Self.upperBytes(configuration, nodes: newNodes), (lists + 64) * configuration.M * 4)
        guard newNodes > nodeCapacity || newRows > rowCapacity || listBytes > upper.byteCount else { return }
        // Some regions are wider then than the capacity says, at other addresses.
        defer { refreshAddresses() }
        let used = Int(counters[Self.counterNodes])
        var newTable = tableMemory
        if newNodes > nodeCapacity {
            newTable = try MemoryRegion(byteCount: Self.tableCapacity(newNodes) * 4)
            try records.grow(to: newNodes * graph.stride, keeping: used * graph.stride)
            if graph.isCoded {
                try codeInfo.grow(to: newNodes * 8, keeping: used * 8)
                if graph.walksByHalves { try halfScale.grow(to: newNodes * 2, keeping: used * 2) }
                try floats.grow(to: newNodes * graph.dimension * 4, keeping: used * graph.dimension * 4)
            }
            try firstRow.grow(to: newNodes * 4, keeping: used * 4)
            try upperStart.grow(to: newNodes * 4, keeping: used * 4)
            try locks.grow(to: newNodes, keeping: 0)
            try hashes.grow(to: newNodes * 4, keeping: used * 4)
        }
        try upper.grow(to: listBytes, keeping: lists * configuration.M * 4)
        if newRows > rowCapacity {
            try nextRow.grow(to: newRows * 4, keeping: rowCapacity * 4)
            try nodeOfRow.grow(to: newRows * 4, keeping: rowCapacity * 4)
            rowCapacity = newRows
        }
        if newNodes > nodeCapacity {
            // Contexts are as wide as the nodes are many; rows are nothing to them.
            emptyPool()
            nodeCapacity = newNodes
            tableMemory = newTable
            refreshAddresses()
            rebuildTable()
        }
    }

    func refreshAddresses() {
        graph.records = FlatBuffer(records)
        graph.codeInfo = FlatBuffer(codeInfo)
        graph.halfScale = FlatBuffer(halfScale)
        graph.floats = FlatBuffer(floats)
        graph.firstRow = FlatBuffer(firstRow)
        graph.upperStart = FlatBuffer(upperStart)
        graph.locks = FlatBuffer(locks)
        graph.upper = FlatBuffer(upper)
        graph.nextRow = FlatBuffer(nextRow)
        graph.nodeOfRow = FlatBuffer(nodeOfRow)
        hash = FlatBuffer(hashes)
        table = FlatBuffer(tableMemory)
    }

    // MARK: Contexts

    /// A context of nobody else's. It holds for the present capacity, which does not change while `gate` is held.
    ///
    /// A thread that has the pool may have lost its core, to whoever is asking perhaps: a new context is quicker than waiting for it.
    func takeContext(ef: Int) -> UnsafeMutablePointer<SearchContext> {
        if unsafe SpinLock.lock(spins.base + 64, within: Self.poolTries) {
            var address: UInt = 0
            if poolCount > 0 {
                poolCount -= 1
                address = pool[poolCount]
            }
            unsafe cintrinsics_unlock(spins.base + 64)
            if let context = unsafe UnsafeMutablePointer<SearchContext>(bitPattern: address) { return unsafe context }
        }
        let context = UnsafeMutablePointer<SearchContext>.allocate(capacity: 1)
        unsafe context.initialize(to: SearchContext(graph, nodeCapacity: nodeCapacity, ef: ef))
        return unsafe context
    }

    func giveBack(_ context: UnsafeMutablePointer<SearchContext>) {
        unsafe context.pointee.shrink()
        var isKept = false
        if unsafe SpinLock.lock(spins.base + 64, within: Self.poolTries) {
            isKept = poolCount < Self.poolCapacity
            if isKept {
                pool[poolCount] = UInt(bitPattern: context)
                poolCount += 1
            }
            unsafe cintrinsics_unlock(spins.base + 64)
        }
        if !isKept { unsafe Self.discard(context) }
    }

    /// Bytes of the contexts nobody is using: mostly sets and lists of visited nodes, a bit and four bytes for each there is room for.
    var contextBytes: Int {
        unsafe SpinLock.lock(spins.base + 64)
        defer { unsafe cintrinsics_unlock(spins.base + 64) }
        var bytes = 0
        for i in 0..<poolCount {
            guard let context = unsafe UnsafeMutablePointer<SearchContext>(bitPattern: pool[i]) else { continue }
            unsafe bytes += context.pointee.byteCount
        }
        return bytes
    }

    private static func discard(_ context: UnsafeMutablePointer<SearchContext>) {
        unsafe context.pointee.deallocate()
        unsafe context.deallocate()
    }

    private func emptyPool() {
        for i in 0..<poolCount {
            if let context = unsafe UnsafeMutablePointer<SearchContext>(bitPattern: pool[i]) {
                unsafe Self.discard(context)
            }
        }
        poolCount = 0
    }

    // MARK: The gate

    func lockShared() { unsafe pthread_rwlock_rdlock(gate) }
    /// Whether it is locked now: not where one would wait for who holds it exclusively, or for who waits to.
    func lockSharedIfFree() -> Bool { unsafe pthread_rwlock_tryrdlock(gate) == 0 }
    func lockExclusively() { unsafe pthread_rwlock_wrlock(gate) }
    func unlockGate() { unsafe pthread_rwlock_unlock(gate) }

    func lockWritersShared() { unsafe pthread_rwlock_rdlock(writers) }
    func lockWritersExclusively() { unsafe pthread_rwlock_wrlock(writers) }
    func unlockWriters() { unsafe pthread_rwlock_unlock(writers) }

    func lockRepairs() { unsafe pthread_rwlock_wrlock(repairs) }
    func lockRepairsIfFree() -> Bool { unsafe pthread_rwlock_trywrlock(repairs) == 0 }
    func unlockRepairs() { unsafe pthread_rwlock_unlock(repairs) }

    func lockAllocation() { unsafe SpinLock.lock(spins.base) }
    func unlockAllocation() { unsafe cintrinsics_unlock(spins.base) }

    var entryPoint: (node: Int, level: Int)? {
        let packed = unsafe cintrinsics_load_u64(entry)
        return packed == 0 ? nil : (Int(packed & 0xFFFF_FFFF), Int(packed >> 32) - 1)
    }

    var packedEntryPoint: UInt64 { unsafe cintrinsics_load_u64(entry) }

    func clearEntryPoint() { unsafe cintrinsics_store_u64(entry, 0) }

    func setEntryPoint(_ node: Int, level: Int) {
        unsafe cintrinsics_store_u64(entry, UInt64(level + 1) << 32 | UInt64(node))
    }
}
