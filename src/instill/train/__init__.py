"""Adapting weights: the reader, the encoder, and what they are trained from."""
