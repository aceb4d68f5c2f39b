"""Code by a generator, and whether the documents know what it uses. The code is read, never run."""
