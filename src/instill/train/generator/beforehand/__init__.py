"""What is known before a run: cost, memory, steps, savings."""
