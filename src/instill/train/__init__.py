"""Adapting weights: from a recipe to a champion (`pipeline`), several recipes (`order`), gate, reader, encoder."""
