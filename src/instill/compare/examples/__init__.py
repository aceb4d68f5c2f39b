"""Formats and tones from example rows."""
