"""The service: web pages, an HTTP API, and the doors of other programs (OpenAI's, Anthropic's, MCP) to one workspace.

`app.py` puts it together; `listening.py` serves it. Whoever asks is told apart in `access/`, and sees the workspace by
`Workspace.seen_by` and no other way.
"""
