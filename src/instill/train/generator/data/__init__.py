"""Rows, and what is made of them: turns, tokens, and what is found wrong in them before a run."""
