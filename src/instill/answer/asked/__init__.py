"""What is asked: the question made to stand alone, the kind of thing it wants, and what it pins down."""
