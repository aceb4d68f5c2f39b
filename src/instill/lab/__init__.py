"""The laboratory: a world of fictional people on which learning and forgetting are measured in minutes."""
