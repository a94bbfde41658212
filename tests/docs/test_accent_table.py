"""The table of docs/corpora.md: what stripping accents loses in a language."""

import re
from importlib import import_module

import pytest
from pages import ROOT

from spacy_bert.corpus.accents import KEEP_ACCENTS, strip_accents
from spacy_bert.corpus.lost_accents import AccentCounter

PAGE = (ROOT / "docs" / "corpora.md").read_text(encoding="utf8")
ROWS = re.findall(
    r"^\| `(\w+)` \| (\d+) \| (\d+) \| (.*?) ?\| (keeps|strips) \|$", PAGE, re.MULTILINE
)


def test_the_table_is_found():
    assert len(ROWS) == 17


@pytest.mark.parametrize("lang, letters, words, example, default", ROWS)
def test_the_table_is_what_is_measured(lang, letters, words, example, default):
    """On the texts of the pinned version of spaCy; others may differ by a point."""
    folder = f"spacy.lang.{lang}"
    texts = sorted(import_module(f"{folder}.stop_words").STOP_WORDS)
    if lang != "th":
        texts += import_module(f"{folder}.examples").sentences
    counter = AccentCounter()
    assert list(counter.watch(texts)) == texts
    lost = counter.result()
    assert abs(100 * lost.letter_ratio - int(letters)) < 1
    assert abs(100 * lost.word_ratio - int(words)) < 1
    assert default == ("keeps" if lang in KEEP_ACCENTS else "strips")
    if example:
        first, second = example.split(" = ")
        assert first != second and strip_accents(first) == strip_accents(second)
        assert any(first in text.lower() for text in texts)
