// Collections of points.
