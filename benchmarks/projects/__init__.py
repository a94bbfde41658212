"""Whole projects, from text to scores: a Chinese one, and one of biomedical text."""
