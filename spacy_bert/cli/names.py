"""Several names in one option."""


def split_names(text: str) -> list[str]:
    """ "a, b" -> ["a", "b"]"""
    return [name.strip() for name in text.split(",") if name.strip()]
