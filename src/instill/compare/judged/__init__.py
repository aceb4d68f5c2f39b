"""A model's judgement beside exact match."""
