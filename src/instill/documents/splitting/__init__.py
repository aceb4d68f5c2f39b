"""Text -> passages: cut points, the cheapest grouping of what lies between them, and the passages with their places."""
