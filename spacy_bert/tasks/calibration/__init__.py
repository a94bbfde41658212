"""Temperatures: a trained head's probabilities come to be how often it is right."""
