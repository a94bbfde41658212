"""Data sets in spaCy's form, and how pipelines are fine-tuned on them."""
