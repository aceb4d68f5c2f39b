"""Weaviate: two collections for each generation, of its rows and of its head.

Written against the client's and the server's documentation, and proved against a server on loopback that speaks the
part of its REST and gRPC interfaces that is used; not run against the service. `opening.py` finds or makes the
collections, `rows.py` is the collection.
"""
