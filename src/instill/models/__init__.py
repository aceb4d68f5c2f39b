"""Models: encoders (text to vectors), generators (messages to text), the weights that come with Instill, and the
registry of those that were trained here."""
