// A title nobody uploaded: which ones are there that the caller may have meant?

import Foundation

/// Ranks known titles by how little they differ from an unknown one.
enum NearestTitles {
    /// The sentence for a title that does not exist, naming at most `limit` titles that do, nearest first.
    static func message(unknown title: String, known titles: [String], limit: Int = 5) -> String {
        guard !titles.isEmpty else {
            return "No document has the title '\(title)': nothing has been uploaded yet (POST /vector/text-to-vector)."
        }
        let nearest = titles.map { (title: $0, distance: distance(fold(title), fold($0))) }
            .sorted { ($0.distance, $0.title) < ($1.distance, $1.title) }
            .prefix(limit)
            .map { "'\($0.title)'" }
        let rest = titles.count > nearest.count ? " (of \(titles.count); GET /vector/documents lists all)" : ""
        return "No document has the title '\(title)'. Nearest: \(nearest.joined(separator: ", "))\(rest)."
    }

    /// Letters and digits without case and accents: what people get wrong in a title.
    static func fold(_ title: String) -> [Unicode.Scalar] {
        title.lowercased().decomposedStringWithCanonicalMapping.unicodeScalars.filter {
            $0.properties.isAlphabetic || $0.properties.numericType != nil
        }
    }

    /// Edits that turn one into the other (Levenshtein 1966), relative to the longer: 0 for equal, 1 for nothing in
    /// common. A title that contains the other is near whatever else it says.
    static func distance(_ a: [Unicode.Scalar], _ b: [Unicode.Scalar]) -> Double {
        // Titles are short; the ends of absurdly long ones do not count.
        let (a, b) = (a.prefix(256), b.prefix(256))
        guard !a.isEmpty, !b.isEmpty else { return a.isEmpty && b.isEmpty ? 0 : 1 }
        var row = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, y) in b.enumerated() {
                let substitution = diagonal + (x == y ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(substitution, diagonal + 1, row[j] + 1)
            }
        }
        let edits = Double(row[b.count]) / Double(max(a.count, b.count))
        let contained = contains(a, b) || contains(b, a)
        return contained ? edits / 2 : edits
    }

    private static func contains(_ whole: ArraySlice<Unicode.Scalar>, _ part: ArraySlice<Unicode.Scalar>) -> Bool {
        guard part.count >= 3, part.count <= whole.count else { return false }
        return (whole.startIndex...whole.endIndex - part.count).contains { whole[$0...].starts(with: part) }
    }
}
