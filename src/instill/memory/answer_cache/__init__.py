"""The cache of answers: an answer is shown again while nothing has changed that it was made from."""
