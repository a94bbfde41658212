"""Docs of two segments: a question and its context, a premise and a hypothesis.

One character in the text marks the border: the encoder's `pair_separator`. So a pair
goes wherever a text goes (`nlp.pipe`, .spacy files, `spacy evaluate`), under every
tokenizer that takes the character for white space, as spaCy's own do.
"""

from collections.abc import Iterable
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.util import logger
from thinc.api import Model

from ..sections import Mistake, Mistakes

# U+001E, "record separator": what the configs for pairs set.
RECORD_SEPARATOR = "\x1e"

_HOW_TO_SET = (
    'Set pair_separator = "\\u001e" in the model of the bert_encoder, or give '
    'pair_separator="\\x1e" to spacy_bert.add_encoder.'
)


def make_pair_doc(
    nlp: Language, first: str, second: str, *, separator: str | None = None
) -> Doc:
    """Make a Doc that `bert_encoder` reads as [CLS] first [SEP] second [SEP].

    separator: by default the pair_separator of the pipeline's encoder. If a segment
        holds it, it becomes a space.

    Raises ValueError if the encoder has no pair_separator, if a segment is not a str,
    or if the tokenizer does not split at the separator.
    """
    separator = separator or get_pair_separator(nlp)
    doc = nlp.make_doc(join_segments(first, second, separator))
    if split_segments(doc, separator) is None:
        raise ValueError(
            f"Expected a tokenizer that makes {separator!r}, the border of two "
            f"segments, a token of white space; got {[token.text for token in doc]}."
        )
    return doc


def join_segments(first: str, second: str, separator: str) -> str:
    """Return the text of a pair; a separator inside a segment becomes a space.

    Raises ValueError if a segment is no text.
    """
    for segment in (first, second):
        if not isinstance(segment, str):
            raise ValueError(f"Expected two texts, got {segment!r} for one of them.")
    return separator.join(text.replace(separator, " ") for text in (first, second))


def split_segments(doc: Doc, separator: str | None) -> tuple[Span, Span] | None:
    """Return the two segments, without the token between them; None for one text."""
    if separator is None or find_border(doc.text, separator) is None:
        return None
    border = next(token for token in doc if separator in token.text)
    if not border.is_space:
        return None
    return doc[: border.i], doc[border.i + 1 :]


def find_border(text: str, separator: str | None) -> int | None:
    """Return where the separator is; None for one text, which a text with several
    separators is too."""
    if separator is None or text.count(separator) != 1:
        return None
    return text.index(separator)


def check_pair_separator(
    separator: str | None, *, n_segments: int, window_width: int
) -> None:
    """Raise MistakesError, a ValueError, with all reasons why an encoder cannot read
    pairs with this separator."""
    if separator is None:
        return
    mistakes = Mistakes()
    # spaCy makes no token of a single space.
    if len(separator) != 1 or not separator.isspace() or separator == " ":
        message = (
            "pair_separator must be null or one character that spaCy makes a token of "
            f'white space, such as "\\u001e" or "\\n"; got {separator!r}.'
        )
        mistakes.add(Mistake(message, ("pair_separator",)))
    if n_segments < 2:
        message = (
            f"pair_separator: pairs need n_segments = 2, got {n_segments}. Take a "
            "checkpoint with type_vocab_size = 2, or set pair_separator = null."
        )
        mistakes.add(Mistake(message, ("n_segments",)))
    # [CLS] first [SEP] second [SEP]
    if window_width < 5:
        message = (
            "pair_separator: a window of two segments has at least 5 pieces, got "
            f"window_width = {window_width}. Set it higher, or pair_separator = null."
        )
        mistakes.add(Mistake(message, ("window_width",)))
    mistakes.raise_any()


def get_pair_separator(nlp: Language) -> str:
    """Return the separator of the pipeline's encoder, also if it is inside a head.

    Raises ValueError if there is none, or if encoders have different ones.
    """
    components = [component for _, component in nlp.components]
    models = (getattr(component, "model", None) for component in components)
    return require_separator(model for model in models if isinstance(model, Model))


def require_separator(models: Iterable[Model[Any, Any]]) -> str:
    """Return the separator of the encoders in these models, or of those that their
    listeners listen to.

    Raises ValueError if there is none, or if they have different ones.
    """
    nodes = [node for model in models for node in model.walk()]
    found: set[str] = {node.attrs.get("pair_separator") or "" for node in nodes} - {""}
    if len(found) > 1:
        raise ValueError(
            "Expected encoders with the same pair_separator, got "
            f"{', '.join(map(repr, sorted(found)))}. Name one: "
            "make_pair_doc(nlp, first, second, separator=...)."
        )
    if not found:
        raise ValueError(
            "Expected a BERT encoder that reads pairs of texts, got none with a "
            f"pair_separator. {_HOW_TO_SET}"
        )
    return found.pop()


def warn_of_unread_pairs(texts: Iterable[str], separator: str | None) -> None:
    """Log a warning if every text looks like a pair, and would be read as one text."""
    if separator is None:
        borders = [find_border(text, RECORD_SEPARATOR) for text in texts]
        if borders and None not in borders:
            logger.warning(
                "The training examples look like pairs of texts, with U+001E between "
                "them, and the encoder has no pair_separator: it reads each as one "
                "text. %s",
                _HOW_TO_SET,
            )
