"""PostgreSQL with pgvector: commits are its transactions, words are found by its full text search.

`connections.py`, `tables.py`: connections and tables; `store.py`: what changes them; `snapshot.py`: what is read;
`keyword_search.py`: the keyword leg. It needs psycopg, and the extension `vector` on the server.
"""
