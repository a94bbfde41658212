"""What spaCy's own heads do not do."""
