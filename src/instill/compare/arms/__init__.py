"""How a question is put to a model or to the pipeline, and what comes back."""
