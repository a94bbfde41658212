"""What another model says of a Doc, kept with its annotation."""

from dataclasses import dataclass

from spacy.tokens import Doc

from .arrays import Floats

_KEY = "spacy_bert.taught"


@dataclass(frozen=True)
class Taught:
    """probs: (n_tokens, 1 + 2 * n_labels), O and then B-X and I-X of each label, of the
    tokens that the component will see."""

    labels: tuple[str, ...]
    probs: Floats


def set_taught(reference: Doc, component: str, taught: Taught) -> None:
    reference.user_data[f"{_KEY}.{component}"] = taught


def get_taught(reference: Doc, component: str) -> Taught | None:
    return reference.user_data.get(f"{_KEY}.{component}")
