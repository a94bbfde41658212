"""Which pieces begin a word, as a splitter finds words."""

import pytest
from other_models import make_bpe, make_unigram

from spacy_bert.corpus.index.tokenized import tokenize
from spacy_bert.interop.sentences import make_splitter
from spacy_bert.tokenization import WordPiece, load_tokenizer


def starts(tokenizer, text):
    """The pieces of a text, with | before each that begins a word."""
    splitter = make_splitter("sentencizer", "en", finds_words=True)
    (block,) = tokenize([([text], False)], tokenizer, splitter)
    (ids,), (begins,) = block[0].sentences, block[0].word_starts
    pieces = [tokenizer.word(i) for i in ids]
    return "".join("|" * int(b) + p for p, b in zip(pieces, begins, strict=True))


def test_wordpiece(tokenizer):
    assert starts(tokenizer, "unaffable cat") == "|unaffable|cat"


@pytest.mark.parametrize("make", [make_unigram, make_bpe])
@pytest.mark.parametrize("text", ["cats sat, here", "cats  sat, here"])
def test_the_space_before_a_word_belongs_to_it(tmp_path, make, text):
    tokenizer = load_tokenizer(make(tmp_path / "other"))
    assert not isinstance(tokenizer, WordPiece)
    words = starts(tokenizer, text).strip("|").split("|")
    assert [word.strip() for word in words if word] == ["cats", "sat", ",", "here"]
