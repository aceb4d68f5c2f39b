"""Models in one GGUF file: what such a file says, getting one, and answering from one by llama.cpp (xllamacpp)."""
