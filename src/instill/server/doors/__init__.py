"""The doors for programs that speak another form: OpenAI's, Anthropic's, and the Model Context Protocol.

Each puts the same question to the same workspace and shows the same answer, in its own form: text that was checked,
the spans that carry it, and whether the documents answer at all.
"""
