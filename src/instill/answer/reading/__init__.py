"""Reading: a small model says which words of a passage answer a question, if any do."""
