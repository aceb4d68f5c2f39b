"""Pinecone: an index of its own for each generation, in the account that the key opens.

Written against the client's and the service's documentation (version 2026-07 of the API), and proved against a server
on loopback that speaks the part that is used; not run against the service. `opening.py` finds or makes the index,
`rows.py` is the collection, `consistency.py` waits until what was written is read.
"""
