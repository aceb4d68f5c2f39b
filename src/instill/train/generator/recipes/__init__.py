"""Recipes, what they leave open, and the base that they name."""
