"""What probabilities are worth: calibration, weights, what to annotate next."""
