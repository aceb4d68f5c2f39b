"""Instill: give a language model your private knowledge, and measure where that knowledge belongs."""
