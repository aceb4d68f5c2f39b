"""What a reply earns, by checks that code can make: `rewards.py`; passages that a row's prompt shows: `passages.py`."""
