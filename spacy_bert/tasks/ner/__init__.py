"""`bert_ner`: entities by token classification, with a CRF or without."""
