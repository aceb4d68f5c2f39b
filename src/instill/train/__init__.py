"""Adapting weights: a recipe to a champion (`pipeline`), several recipes (`several_recipes`), gate, reader, encoder."""
