"""Ways to give a model knowledge, side by side on the same questions: outcomes, costs, and what follows from them."""
