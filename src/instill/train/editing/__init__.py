"""Changing what a model says of one subject without training it: closed-form changes of one matrix."""
