"""What is found: the pieces of the documents that answer, and how sure that is."""
