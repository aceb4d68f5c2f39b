"""Training of the reader: question and passage in, answer span, answerability and relevance out."""
