"""Docs -> pieces and the tokens that they belong to."""

import unicodedata

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc

from spacy_bert.pipeline.alignment import align
from spacy_bert.tokenization import WordPiece

ENGLISH = spacy.blank("xx")
LETTERS = [chr(i) for i in range(33, 127)]
WORDPIECE = WordPiece(
    [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *LETTERS,
        *(f"##{c}" for c in LETTERS),
    ]
)


def pairs(alignment):
    return list(zip(alignment.pair_pieces, alignment.pair_tokens, strict=True))


def test_a_word_of_three_pieces(tokenizer):
    alignment = align([Doc(ENGLISH.vocab, ["unaffable", "cat"])], tokenizer)
    assert pairs(alignment) == [(0, 0), (1, 0), (2, 0), (3, 1)]


def test_a_piece_over_two_tokens_serves_both(tokenizer):
    doc = Doc(ENGLISH.vocab, ["ca", "t", "sat"], spaces=[False, True, False])
    assert pairs(align([doc], tokenizer)) == [(0, 0), (0, 1), (1, 2)]


def test_white_space_has_no_pieces(tokenizer):
    doc = Doc(ENGLISH.vocab, ["cat", "\n\n", "sat"], spaces=[True, False, False])
    alignment = align([doc], tokenizer)
    assert pairs(alignment) == [(0, 0), (1, 2)]
    assert alignment.n_tokens == 3


def test_docs_are_counted_through_the_batch(tokenizer):
    docs = [Doc(ENGLISH.vocab, words) for words in (["cat"], [], ["the", "dog"])]
    alignment = align(docs, tokenizer)
    assert alignment.doc_ends.tolist() == [1, 1, 3]
    assert pairs(alignment) == [(0, 0), (1, 1), (2, 2)]


@settings(deadline=None)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=4))
def test_pairs_are_those_that_share_a_character(texts):
    """The same by brute force, one character at a time."""
    docs = [ENGLISH.make_doc(text) for text in texts]
    expected, n_pieces, n_tokens = [], 0, 0
    for doc in docs:
        # U+001E is between two segments.
        spans = WORDPIECE.encode(doc.text.replace("\x1e", " "))
        for i, (start, end) in enumerate(spans.offsets.tolist()):
            for token in doc:
                token_characters = range(token.idx, token.idx + len(token))
                if set(range(start, end)) & set(token_characters):
                    expected.append((n_pieces + i, n_tokens + token.i))
        n_pieces += len(spans.ids)
        n_tokens += len(doc)
    alignment = align(docs, WORDPIECE)
    assert pairs(alignment) == expected
    assert alignment.n_tokens == n_tokens
    assert len(alignment.piece_ids) == n_pieces


@pytest.mark.parametrize("lang", ["en", "xx"])
def test_pieces_of_a_token_cover_its_characters(reference, lang):
    """By the characters of each piece that `transformers` gave."""
    nlp = spacy.blank(lang)
    n_covered = 0
    for text, offsets in zip(reference.texts, reference.offsets, strict=True):
        # U+001E is between two segments: see above.
        if "\x1e" in text:
            continue
        doc = nlp.make_doc(text)
        pieces = [set(range(start, end)) for start, end in offsets]
        tokens = [set(range(t.idx, t.idx + len(t))) for t in doc]
        got = pairs(align([doc], reference.tokenizer))
        assert got == [
            (i, j)
            for i, piece in enumerate(pieces)
            for j, token in enumerate(tokens)
            if piece & token
        ]
        for j, token in enumerate(tokens):
            covered = token & set().union(*(pieces[i] for i, k in got if k == j))
            left = {text[c] for c in token - covered}
            dropped = {c for c in left if is_dropped(c, reference.tokenizer.lowercase)}
            assert left == dropped, (text, text[min(token)])
            n_covered += len(covered)
    assert n_covered > 7000


def is_dropped(character, lowercase):
    """White space, controls and private characters; marks, too, if accents are
    stripped."""
    kinds = ("Cc", "Cf", "Co", "Mn") if lowercase else ("Cc", "Cf", "Co")
    kind = unicodedata.category(character)
    return character.isspace() or character == "\ufffd" or kind in kinds
