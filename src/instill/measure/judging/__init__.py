"""Whether a reply is right, wrong or a refusal: the one scorer."""

VERSION = 3
"""Goes up when verdicts change, so that kept ones are made again.

1 was exact match of words, 2 knew one order of several things and one form of bounds.
"""
