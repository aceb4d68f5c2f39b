"""What is trained and towards what: adapters or weights, a teacher, preferences."""
