"""A model's judgement beside the scorer."""
