"""Classes and values of a text or of a pair of texts, over [CLS]."""
