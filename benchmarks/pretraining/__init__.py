"""Pretraining beside its peers."""
