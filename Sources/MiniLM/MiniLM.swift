// Text to unit vectors. (placeholder until the encoder lands)
