"""An adversary: looks for prompts on which a candidate fails (`attacking.py`), by variants of rows (`variants.py`)."""
