"""Fine-tuned arms: rows, replay, training, and what was forgotten."""
