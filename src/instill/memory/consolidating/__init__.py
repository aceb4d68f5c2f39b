"""Facts that recur into weights: rows, one training from the base on all of them, a gate fact by fact, a record."""
