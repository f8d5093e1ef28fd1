// Charts as SVG: bars and lines, for reports that people look at.

import Foundation

/// An SVG drawing on white, with a title.
private func drawing(title: String, width: Double, height: Double, _ body: String) -> String {
    """
    <svg xmlns="http://www.w3.org/2000/svg" width="\(width)" height="\(height)" font-family="sans-serif" font-size="13">
    <rect width="100%" height="100%" fill="white"/>
    <text x="16" y="26" font-size="16">\(escaped(title))</text>
    \(body)</svg>

    """
}

private func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
}

/// Horizontal bars with their values.
struct BarChart {
    let title: String
    let bars: [(label: String, value: Double)]

    var svg: String {
        let (width, row, left) = (720.0, 28.0, 180.0)
        let largest = max(bars.map(\.value).max() ?? 1, 1e-9)
        var body = ""
        for (index, bar) in bars.enumerated() {
            let y = 48 + Double(index) * row
            let length = (width - left - 90) * bar.value / largest
            body += """
                <text x="\(left - 8)" y="\(y + 14)" text-anchor="end">\(escaped(bar.label))</text>
                <rect x="\(left)" y="\(y)" width="\(length)" height="18" fill="#3b6ea5"/>
                <text x="\(left + length + 6)" y="\(y + 14)">\(Int(bar.value))</text>

                """
        }
        return drawing(title: title, width: width, height: 60 + Double(bars.count) * row, body)
    }
}

/// A line through points, each with a word beside it.
struct LineChart {
    struct Axis {
        let label: String
        /// Powers of ten at equal distances; every value is above 0 then.
        var isLogarithmic = false

        func position(_ value: Double) -> Double { isLogarithmic ? log10(value) : value }

        /// Round values from the least to the greatest of `values`, at least two.
        func ticks(_ values: [Double]) -> [Double] {
            let (least, greatest) = (values.min() ?? 0, values.max() ?? 1)
            if isLogarithmic {
                let powers = Int(log10(least).rounded(.down))...Int(log10(greatest).rounded(.up))
                let all = powers.map { pow(10, Double($0)) }
                return all.count > 1 ? all : [all[0], all[0] * 10]
            }
            let width = max(greatest - least, 1e-9)
            let power = pow(10, log10(width / 4).rounded(.down))
            let step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= width / 4 } ?? width
            let (first, last) = (Int((least / step).rounded(.down)), Int((greatest / step).rounded(.up)))
            return (first...max(last, first + 1)).map { Double($0) * step }
        }
    }

    let title: String
    let x: Axis
    let y: Axis
    let points: [(x: Double, y: Double, label: String)]

    var svg: String {
        let (width, height, left, right, top, bottom) = (720.0, 420.0, 84.0, 48.0, 48.0, 56.0)
        let (xTicks, yTicks) = (x.ticks(points.map(\.x)), y.ticks(points.map(\.y)))
        func place(_ value: Double, _ axis: Axis, _ ticks: [Double], from start: Double, to end: Double) -> Double {
            let (low, high) = (axis.position(ticks[0]), axis.position(ticks[ticks.count - 1]))
            return start + (axis.position(value) - low) / (high - low) * (end - start)
        }
        func across(_ value: Double) -> Double { place(value, x, xTicks, from: left, to: width - right) }
        func up(_ value: Double) -> Double { place(value, y, yTicks, from: height - bottom, to: top) }
        var body = ""
        for tick in xTicks {
            body += """
                <line x1="\(across(tick))" y1="\(top)" x2="\(across(tick))" y2="\(height - bottom)" stroke="#ddd"/>
                <text x="\(across(tick))" y="\(height - bottom + 18)" text-anchor="middle">\(Self.short(tick))</text>

                """
        }
        for tick in yTicks {
            body += """
                <line x1="\(left)" y1="\(up(tick))" x2="\(width - right)" y2="\(up(tick))" stroke="#ddd"/>
                <text x="\(left - 8)" y="\(up(tick) + 4)" text-anchor="end">\(Self.short(tick))</text>

                """
        }
        let path = points.map { "\(across($0.x)),\(up($0.y))" }.joined(separator: " ")
        body += "<polyline points=\"\(path)\" fill=\"none\" stroke=\"#3b6ea5\" stroke-width=\"2\"/>\n"
        for point in points {
            body += """
                <circle cx="\(across(point.x))" cy="\(up(point.y))" r="3" fill="#3b6ea5"/>
                <text x="\(across(point.x) + 6)" y="\(up(point.y) - 6)" font-size="11">\(escaped(point.label))</text>

                """
        }
        body += """
            <text x="\((left + width - right) / 2)" y="\(height - 14)" text-anchor="middle">\(escaped(x.label))</text>
            <text x="16" y="\(top - 10)" font-size="12">\(escaped(y.label))</text>

            """
        return drawing(title: title, width: width, height: height, body)
    }

    private static func short(_ value: Double) -> String {
        value.formatted(
            .number.precision(.significantDigits(1...4)).grouping(.never).locale(Locale(identifier: "en_US")))
    }
}
