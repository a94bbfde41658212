"""A config and an output folder -> steps, logs, checkpoints."""
