"""The report of a comparison: one HTML file, lines for a terminal, and a dictionary for `--json`.

Public face: `Report` in `types`, `as_html` in `page`, `as_text` and `as_dict` in `text`. Imports no PyTorch.
"""
