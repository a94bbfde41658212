"""What a pipeline gets wrong on annotated text, and a page that shows it."""
