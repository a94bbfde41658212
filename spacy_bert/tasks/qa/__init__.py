"""`extractive_qa`: answers to questions, found in a context."""
