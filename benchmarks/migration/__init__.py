"""What `spacy bert migrate` makes of spaCy's configs and of a trained pipeline."""
