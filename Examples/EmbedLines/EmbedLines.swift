// Embeds the lines of standard input and prints the two that are most alike.
//
//     printf 'the lamp is lit\nships sail at night\nthe light is on\n' \
//         | swift run -c release EmbedLines ../weights/all-MiniLM-L6-v2
//
// Built like that the kernels are for any x86-64 machine (SSE2); with `-Xcc -march=native` they are for this one, several times
// as fast.

import MiniLM
import Synchronization

/// Set by whoever wants the work to end: a signal handler, a window's close button.
let stop = Atomic<Bool>(false)

@main
struct EmbedLines {
    static func main() throws {
        var lines: [String] = []
        while let line = readLine() { lines.append(line) }
        guard lines.count >= 2 else { return print("give two lines or more") }

        let directory = CommandLine.arguments.dropFirst().first ?? "weights/all-MiniLM-L6-v2"
        let encoder = try SentenceEncoder(modelDirectory: directory, precision: .i16)

        // Into memory of our own, row after row; nothing is copied.
        var vectors = [Float](repeating: 0, count: lines.count * encoder.dimension)
        var span = vectors.mutableSpan
        let counts = try encoder.encode(
            lines, into: &span, progress: { print("\($0) of \(lines.count)") },
            isCancelled: { stop.load(ordering: .relaxed) })
        for (line, cut) in zip(lines, counts.truncated) where cut > 0 {
            print("\(cut) tokens too long: \(line.prefix(40))…")
        }

        // Vectors have length 1: their product is their cosine.
        var best = (first: 0, second: 1, cosine: -Float.infinity)
        for first in lines.indices {
            for second in (first + 1)..<lines.count {
                let cosine = (0..<encoder.dimension).reduce(Float(0)) {
                    $0 + vectors[first * encoder.dimension + $1] * vectors[second * encoder.dimension + $1]
                }
                if cosine > best.cosine { best = (first, second, cosine) }
            }
        }
        print("\(best.cosine): “\(lines[best.first])” and “\(lines[best.second])”")
    }
}
