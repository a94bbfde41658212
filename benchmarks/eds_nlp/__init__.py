"""EDS-NLP next to `bert_ner`: speed, scores after equal minutes, and confidence."""
