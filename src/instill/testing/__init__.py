"""Suites of tests that a part must pass, whoever wrote it: `store_conformance` for stores.

They need pytest, which is not among the packages that Instill itself needs.
"""
