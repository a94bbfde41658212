"""New labels from text that has no others: what becomes of the old ones."""
