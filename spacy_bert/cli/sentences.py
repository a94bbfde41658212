"""A sentence splitter from spaCy, for text that is not one sentence a line."""

from collections.abc import Callable

# Longer paragraphs than spaCy takes by default are fine for a rule-based component.
_MAX_CHARS = 1 << 31


def make_splitter(sentences: str, lang: str) -> Callable[[str], list[str]] | None:
    """A paragraph -> its sentences; None where each line is one.

    Raises ValueError where spaCy does not know the language.
    """
    if sentences == "lines":
        return None
    import spacy

    try:
        nlp = spacy.blank(lang)
    except ImportError as error:
        raise ValueError(
            f"[corpus] lang: expected the code of a language that spaCy knows, such as "
            f"'en', got {lang!r}."
        ) from error
    nlp.add_pipe("sentencizer")
    nlp.max_length = _MAX_CHARS

    def split(paragraph: str) -> list[str]:
        # New words are forgotten again, or memory grows with the corpus.
        with nlp.memory_zone():
            return [sentence.text for sentence in nlp(paragraph).sents]

    return split
