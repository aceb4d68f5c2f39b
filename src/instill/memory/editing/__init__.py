"""Edits of weights by hand: recorded, measured, served like a candidate, and dissolved when facts are consolidated."""
