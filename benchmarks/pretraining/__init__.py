"""Pretraining next to its peers."""
