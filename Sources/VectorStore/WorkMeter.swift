// Work between two statements, measured, so that it ends soon after its caller is gone.

import GRDB

extension Database {
    /// Where work that reads nothing stops when the caller's task has been cancelled.
    func checkpoint() throws {
        // A statement that is run then throws, and costs a microsecond otherwise.
        _ = try Int.fetchOne(cachedStatement(sql: "SELECT 1"))
    }
}

/// Counts what is gone through, and looks at the caller every so often.
final class WorkMeter {
    /// Bytes between two looks: text that is taken apart into words, the slowest kind, is that in some 50 ms, vectors that are compared
    /// in a tenth of one.
    static let interval = 1 << 20
    /// What a step costs that goes through nothing, in bytes that are gone through.
    static let leastCost = 64

    /// Looks at the caller now: where work begins that is not counted. Throws `.cancelled` when the caller is gone.
    let checkpoint: () throws(StoreError) -> Void
    private var spent = 0

    init(_ checkpoint: @escaping () throws(StoreError) -> Void) { self.checkpoint = checkpoint }

    convenience init(_ db: Database, path: String) {
        self.init { () throws(StoreError) in try StoreError.translating(path) { try db.checkpoint() } }
    }

    /// - Throws: what the checkpoint does: `.cancelled`.
    func spend(_ bytes: Int) throws(StoreError) {
        spent += bytes
        guard spent >= Self.interval else { return }
        spent = 0
        try checkpoint()
    }

    /// A step that goes through so many bytes.
    ///
    /// - Throws: what the checkpoint does: `.cancelled`.
    func step(_ bytes: Int = 0) throws(StoreError) { try spend(Self.leastCost + bytes) }
}
