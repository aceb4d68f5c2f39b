"""Sources into the index, and the index kept in step with them.

`run.py` has the flow of adding: `planning.py` decides what is to be done with a source, `passages.py` cuts and encodes.
`sync.py` follows roots, `document_references.py` finds the document that a person names, `reindex.py` makes every
document again, `repairing.py` mends a damaged index. Public face: `Ingest` (in `run`) and the types in `types`.
"""
