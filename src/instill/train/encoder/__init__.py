"""Training of the encoder: questions nearer to the passages that answer them."""
