"""What ends a run, and is no fault of the code."""


class TrainingError(ValueError):
    """What a run cannot continue from, or a loss that is not finite."""
