"""How much data is needed: parts of the rows that grow (`growing`), what they are parts of (`material`), the page (`page`)."""
