"""Buckets of S3 and of services that speak like it, for the store `s3` and for documents in buckets.

`address.py`: `s3://bucket/prefix` -> a client. `failures.py`: what such a service says, in our words.
"""
