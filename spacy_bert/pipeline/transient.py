"""State that is not part of a pipeline."""


class Transient:
    """A mixin: what is pickled or copied comes back as None."""

    def __reduce__(self) -> tuple[type, tuple[()]]:
        return type(None), ()
