"""BERT as a spaCy component: Docs -> token vectors, and gradients the way back."""
