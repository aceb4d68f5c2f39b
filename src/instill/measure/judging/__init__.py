"""Whether a reply is right, wrong or a refusal: the one scorer."""

VERSION = 2
"""Goes up when verdicts change, so that kept ones are made again. 1 was exact match of words."""
