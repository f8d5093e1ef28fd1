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

    /// The latitudes it lies between: what an index by latitude looks through.
    var latitudes: ClosedRange<Double> {
        let bounds: (Double, Double) =
            switch self {
            case .circle(let center, let radius):
                // A degree of latitude is the same everywhere on a sphere. The last digit is rounding's.
                (
                    center.lat - radius / GeoPoint.earthRadius * 180 / .pi - 1e-9,
                    center.lat + radius / GeoPoint.earthRadius * 180 / .pi + 1e-9
                )
            case .box(let topLeft, let bottomRight): (bottomRight.lat, topLeft.lat)
            case .polygon(let exterior, _):
                (exterior.map(\.lat).min() ?? 0, exterior.map(\.lat).max() ?? 0)
            }
        return min(bounds.0, bounds.1)...max(bounds.0, bounds.1)
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
