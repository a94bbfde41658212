"""Docs of two segments: a question and its context, a premise and a hypothesis.

The border stands in the text, as one control character. So a pair goes wherever a text
goes (`nlp.pipe`, .spacy files, `spacy evaluate`), under every tokenizer that takes it
for white space, as spaCy's own do.
"""

from spacy.language import Language
from spacy.tokens import Doc, Span

# U+001E, "record separator". spaCy takes it for white space, so it is a token.
SEPARATOR = "\x1e"


def join_segments(first: str, second: str) -> str:
    """The text of a pair. Raises ValueError where a segment is no text or holds the
    separator."""
    for segment in (first, second):
        if not isinstance(segment, str):
            raise ValueError(f"Expected two texts, got {segment!r} for one of them.")
        if SEPARATOR in segment:
            raise ValueError(
                "Expected two segments without the character U+001E, which stands "
                f"between them; got {segment!r}."
            )
    return f"{first}{SEPARATOR}{second}"


def make_pair_doc(nlp: Language, first: str, second: str) -> Doc:
    """A Doc that `bert_encoder` reads as [CLS] first [SEP] second [SEP].

    Raises ValueError where a segment holds the separator, U+001E.
    """
    return nlp.make_doc(join_segments(first, second))


def split_segments(doc: Doc) -> tuple[Span, Span] | None:
    """The two segments, without the token between them; None where it is one text.

    Raises ValueError where that token holds more than white space.
    """
    if find_border(doc.text) is None:
        return None
    border = next(token.i for token in doc if SEPARATOR in token.text)
    if doc[border].text.strip():
        raise ValueError(
            f"Expected a tokenizer that splits at U+001E, which stands between two "
            f"segments; got the token {doc[border].text!r}."
        )
    return doc[:border], doc[border + 1 :]


def find_border(text: str) -> int | None:
    """Where the separator stands; None where it is one text, which it is with more than
    one of them too, since texts of unknown origin hold all sorts of characters."""
    return text.index(SEPARATOR) if text.count(SEPARATOR) == 1 else None
