"""Documents that change or contradict: freshness, conflict, noise."""
