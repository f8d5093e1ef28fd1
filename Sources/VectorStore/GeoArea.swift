// Places: points on the earth and areas of it.

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A point on the earth, in degrees.
public struct GeoPoint: Sendable, Hashable {
    /// -180...180
    public var lon: Double
    /// -90...90
    public var lat: Double

    public init(lon: Double, lat: Double) {
        self.lon = lon
        self.lat = lat
    }

    /// The point that `{"lon": …, "lat": …}` spells; nil for anything else.
    init?(_ value: JSONValue) {
        guard let lon = value["lon"]?.number, let lat = value["lat"]?.number, lon.isFinite, lat.isFinite else {
            return nil
        }
        self.init(lon: lon, lat: lat)
    }

    /// The distance in metres on a sphere of the earth's mean radius, by the haversine formula.
    func distance(to other: GeoPoint) -> Double {
        let degree = Double.pi / 180
        let (lat1, lat2) = (lat * degree, other.lat * degree)
        let a = sin((lat2 - lat1) / 2)
        let b = sin((other.lon - lon) * degree / 2)
        return 2 * Self.earthRadius * asin(min(1, (a * a + cos(lat1) * cos(lat2) * b * b).squareRoot()))
    }

    /// R₁ of GRS 80 in metres, which the IUGG recommends.
    static let earthRadius = 6_371_008.8
}

/// A part of the earth. Its border is not in it.
public enum GeoArea: Sendable, Hashable {
    /// Nearer to `center` than `radius` metres.
    case circle(center: GeoPoint, radius: Double)
    /// Between the corners; over the antimeridian when the left one is east of the right one.
    case box(topLeft: GeoPoint, bottomRight: GeoPoint)
    /// Inside the exterior ring and in none of the interior ones, on a map where a degree is as long in both directions.
    case polygon(exterior: [GeoPoint], interiors: [[GeoPoint]])

    public func contains(_ point: GeoPoint) -> Bool {
        switch self {
        case .circle(let center, let radius):
            return point.distance(to: center) < radius
        case .box(let topLeft, let bottomRight):
            guard bottomRight.lat < point.lat, point.lat < topLeft.lat else { return false }
            return topLeft.lon > bottomRight.lon
                ? point.lon > topLeft.lon || point.lon < bottomRight.lon
                : topLeft.lon < point.lon && point.lon < bottomRight.lon
        case .polygon(let exterior, let interiors):
            return Self.side(of: point, exterior) == .inside
                && interiors.allSatisfy { Self.side(of: point, $0) == .outside }
        }
    }

    private enum Side { case inside, border, outside }

    /// By the number of edges a ray from the point crosses.
    private static func side(of point: GeoPoint, _ ring: [GeoPoint]) -> Side {
        guard var last = ring.last else { return .outside }
        var isInside = false
        for next in ring {
            defer { last = next }
            let (dx, dy) = (next.lon - last.lon, next.lat - last.lat)
            let turn = (point.lon - last.lon) * dy - (point.lat - last.lat) * dx
            if turn == 0, (point.lon - last.lon) * (point.lon - next.lon) <= 0,
                (point.lat - last.lat) * (point.lat - next.lat) <= 0
            {
                return .border
            }
            if (next.lat > point.lat) != (last.lat > point.lat),
                point.lon < last.lon + dx * (point.lat - last.lat) / dy
            {
                isInside.toggle()
            }
        }
        return isInside ? .inside : .outside
    }
}

/// An area made ready for many places: what it lies between is found once.
struct GeoAreaTest {
    private let area: GeoArea
    /// What the area lies between: what an index by latitude looks through.
    let latitudes: ClosedRange<Double>
    private let longitudes: ClosedRange<Double>
    /// Of the corners, each of which is gone through for every place between them.
    private let byteCount: Int

    /// Degrees that rounding may be wrong by: a ten-thousandth of a metre.
    private static let rounding = 1e-9

    /// - Throws: what the meter does, which is told how much of the area is gone through.
    init(_ area: GeoArea, _ work: WorkMeter?) throws(StoreError) {
        self.area = area
        var longitudes = -Double.infinity ... .infinity
        var cornersCount = 0
        switch area {
        case .circle(let center, let radius):
            // A degree of latitude is the same everywhere on a sphere.
            let reach = radius / GeoPoint.earthRadius * 180 / .pi + Self.rounding
            latitudes = ClosedRange(between: center.lat - reach, center.lat + reach)
        case .box(let topLeft, let bottomRight):
            latitudes = ClosedRange(between: bottomRight.lat, topLeft.lat)
        case .polygon(let exterior, let interiors):
            cornersCount = interiors.reduce(exterior.count) { $0 + $1.count }
            latitudes = ClosedRange(
                between: exterior.lazy.map(\.lat).min() ?? 0, exterior.lazy.map(\.lat).max() ?? 0)
            // Where an edge is crossed is rounded.
            longitudes = ClosedRange(
                between: (exterior.lazy.map(\.lon).min() ?? 0) - Self.rounding,
                (exterior.lazy.map(\.lon).max() ?? 0) + Self.rounding)
        }
        self.longitudes = longitudes
        byteCount = cornersCount * MemoryLayout<GeoPoint>.size
        try work?.spend(byteCount)
    }

    /// - Throws: what the meter does.
    func contains(_ point: GeoPoint, _ work: WorkMeter?) throws(StoreError) -> Bool {
        guard latitudes.contains(point.lat), longitudes.contains(point.lon) else { return false }
        try work?.spend(byteCount)
        return area.contains(point)
    }
}

extension ClosedRange<Double> {
    /// From the smaller to the larger; all there are when one is no number.
    fileprivate init(between a: Double, _ b: Double) {
        self = a <= b ? a...b : b < a ? b...a : -.infinity ... .infinity
    }
}
