"""Stores beside the Lance table. `stores_by_name.py` knows them; nothing is imported before a workspace names it.

PostgreSQL does all that a store does by itself (`postgres/`). Qdrant, Chroma, Milvus, OpenSearch, Weaviate and
Pinecone are `Collection`s (`collection.py`), which `collection_store.py` makes stores of: it adds commits, versions
and the keyword leg. `refusals.py` tells what their clients raise. `copying.py` moves documents from one store to
another.
"""
