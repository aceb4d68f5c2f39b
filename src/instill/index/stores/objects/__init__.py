"""The Lance table on object storage (S3 and what speaks like it), for several machines that share no folder.

`address.py`: `s3://bucket/prefix` -> clients. `lease.py`: one writer at a time. `pointer.py`: which generation is live.
`replica.py`: a copy of the table on the local disk, which queries read. `store.py`: the store of these parts.
"""
