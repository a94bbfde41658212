"""One run in several processes, the ranks."""
