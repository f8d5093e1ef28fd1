/// What the crash writer's batches are, known to it and to the test that kills it.
public enum CrashBatch {
    /// Points of a batch, 1…60.
    public static func count(_ number: Int) -> Int { 1 + number * 7919 % 60 }

    /// The batches that this one deletes, some a second time.
    public static func deleted(by number: Int) -> [Int] {
        // What is old goes, so that a long run stays small.
        (number % 4 == 3 ? [number - 2] : []) + (number >= 40 ? [number - 40] : [])
    }

    /// How many points each batch has once all up to `last` were applied.
    public static func points(through last: Int) -> [Int: Int] {
        var points: [Int: Int] = [:]
        for number in 0..<(last + 1) {
            for old in deleted(by: number) { points[old] = nil }
            points[number] = count(number)
        }
        return points
    }
}
