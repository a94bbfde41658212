"""Installed Python packages -> the default run's corpus and labelled Docs."""
