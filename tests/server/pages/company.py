"""The web site of a company, on another port: one page with the widget, under a policy that forbids all else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = """<!doctype html><html lang="en"><head><title>Kettles</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src {server}; connect-src {server}">
<style>* {{ font-size: 40px; display: inline; color: red }}</style></head><body><main><h1>Kettles of all kinds</h1>
<script src="{server}/widget.js" data-key="{key}" data-title="Ask about tea" data-handover="help@kettles.example"
  data-handover-text="Write to us" async></script></main></body></html>"""


class Site:
    """What it shows, and where."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.address = f"http://127.0.0.1:{port}"
        self.html = ""

    def shows(self, server: str, key: str) -> None:
        self.html = PAGE.format(server=server, key=key)


@contextmanager
def company() -> Iterator[Site]:
    """The site while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = site.html.encode()
            self.send_response(200)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        site = Site(server.server_address[1])
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield site
        finally:
            server.shutdown()
