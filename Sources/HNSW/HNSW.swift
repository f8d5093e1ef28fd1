// Vectors to neighbours.
