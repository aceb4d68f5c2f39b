"""Candidates as files: weights, GGUF, Ollama, and whether two forms say the same."""
