"""Adapting a language model: rows, recipes, pre-flight, the loop, objectives, the frozen-layer cache, export."""
