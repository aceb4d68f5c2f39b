"""What is said: pieces shown and cited, the short answer on top, or a generator's sentences held to their sources."""
