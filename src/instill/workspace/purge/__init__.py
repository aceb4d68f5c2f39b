"""Removed means removed: what of a workspace still holds text of documents, and taking it out.

`holders` lists all that keeps text of documents, with the documents that it was made from; `purging` takes the text of
some of them out of everything but trained weights, and says which weights those are.
"""
