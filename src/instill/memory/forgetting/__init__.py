"""Out again: which documents were forgotten and stay out, weights withdrawn, what is left looked for, signed receipts.

The index and everything made from documents is emptied by `workspace/purge`; `workspace/forgetting.py` puts the steps
together.
"""
