"""The HTTP API under `/api`: the command line's verbs, words and JSON."""
