"""Long Docs -> overlapping windows."""

from dataclasses import fields

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from spacy_bert.model.batch import PackedBatch
from spacy_bert.model.rounding import round_up
from spacy_bert.pipeline.alignment import Alignment
from spacy_bert.pipeline.windows import make_window_batches
from spacy_bert.tokenization import WordPiece

WORDPIECE = WordPiece(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])


def align_by_lengths(docs, n_first=None):
    """Docs as lists of how many pieces each token has, and of how many pieces the
    first of two segments has (-1: one text)."""
    lengths = [n for doc in docs for n in doc]
    n_pieces = sum(lengths)
    return Alignment(
        piece_ids=np.arange(100, 100 + n_pieces, dtype=np.int32),
        doc_ends=np.cumsum([sum(doc) for doc in docs]),
        second_segments=np.array(
            [
                -1 if n < 0 else n + sum(map(sum, docs[:i]))
                for i, n in enumerate(n_first or [-1] * len(docs))
            ]
        ),
        pair_pieces=np.arange(n_pieces),
        pair_tokens=np.repeat(np.arange(len(lengths)), lengths),
        n_tokens=len(lengths),
    )


def windows_of(
    docs, tokenizer, *, width, overlap, max_batch_pieces=10_000, n_first=None
):
    """The piece ids of each window, and the batches they came in."""
    batches = list(
        make_window_batches(
            align_by_lengths(docs, n_first),
            tokenizer,
            width=width,
            overlap=overlap,
            max_batch_pieces=max_batch_pieces,
        )
    )
    windows = [
        sequence.tolist()
        for batch in batches
        for sequence in batch.packed.piece_ids.split(batch.packed.lengths)
    ]
    return windows, batches


def test_a_short_doc_is_one_window(tokenizer):
    windows, _ = windows_of([[1, 1, 1]], tokenizer, width=5, overlap=0)
    assert windows == [[tokenizer.cls_id, 100, 101, 102, tokenizer.sep_id]]


@given(st.lists(st.integers(0, 4), min_size=1, max_size=8))
def test_one_doc_and_the_same_one_among_others(doc):
    """A Doc alone has a way of its own."""
    one, other = (
        windows_of(docs, WORDPIECE, width=40, overlap=0)[1]
        for docs in ([doc], [doc, []])
    )
    assert len(one) == len(other) == (1 if sum(doc) else 0)
    for single, batch in zip(one, other, strict=True):
        for field in fields(PackedBatch):
            ours, expected = (getattr(b.packed, field.name) for b in (single, batch))
            if field.name == "lengths":
                assert ours == expected
            else:
                assert ours.dtype == expected.dtype and torch.equal(ours, expected)
        for name in ("pair_positions", "pair_tokens", "docs"):
            ours, expected = getattr(single, name), getattr(batch, name)
            assert ours.dtype == expected.dtype
            np.testing.assert_array_equal(ours, expected)


def test_windows_overlap_and_end_between_tokens(tokenizer):
    # Room for 4 pieces; the tokens are (100), (101 102), (103), (104). Two pieces back
    # from the first window's end is inside the second token, so all of it comes again.
    windows, _ = windows_of([[1, 2, 1, 1]], tokenizer, width=6, overlap=2)
    inner = sorted(window[1:-1] for window in windows)
    assert inner == [[100, 101, 102, 103], [101, 102, 103, 104]]


def test_a_token_wider_than_a_window_is_cut_inside(tokenizer):
    windows, _ = windows_of([[7]], tokenizer, width=5, overlap=1)
    assert sorted(w[1:-1] for w in windows) == [[100, 101, 102], [103, 104, 105], [106]]


def test_empty_docs_have_no_windows(tokenizer):
    windows, _ = windows_of([[], [1], []], tokenizer, width=5, overlap=1)
    assert len(windows) == 1


def test_batches_keep_to_their_budget_and_begin_with_the_longest(tokenizer):
    docs = [[1] * 3, [1] * 6, [1] * 2, [1] * 6]
    windows, batches = windows_of(
        docs, tokenizer, width=10, overlap=0, max_batch_pieces=14
    )
    assert [len(window) for window in windows] == [8, 8, 5, 4]
    assert [batch.packed.lengths for batch in batches] == [(8,), (8,), (5, 4)]
    assert [batch.docs.tolist() for batch in batches] == [[1], [3], [0, 2]]


def test_what_does_not_fit_makes_all_batches_smaller():
    """4 batches of 1,024 leave one window of 10 pieces. Cut after 1,020 and 1,020, the
    rest would come as 700, 700 and 650: kernels for lengths that are rare."""
    _, batches = windows_of(
        [[1] * 8] * 409, WORDPIECE, width=10, overlap=0, max_batch_pieces=1024
    )
    n_pieces = [batch.packed.n_pieces for batch in batches]
    assert n_pieces == [830, 830, 830, 830, 770]
    assert {round_up(n) for n in n_pieces} == {832}


@given(
    docs=st.lists(st.lists(st.integers(0, 9), max_size=30), min_size=1, max_size=4),
    width=st.integers(4, 12),
    data=st.data(),
)
def test_every_piece_reaches_its_token(docs, width, data):
    overlap = data.draw(st.integers(0, width - 3))
    alignment = align_by_lengths(docs)
    seen = set()
    for batch in make_window_batches(
        alignment, WORDPIECE, width=width, overlap=overlap, max_batch_pieces=20
    ):
        assert max(batch.packed.lengths) <= width
        pieces = batch.packed.piece_ids.numpy()[batch.pair_positions] - 100
        seen.update(zip(pieces.tolist(), batch.pair_tokens.tolist(), strict=True))
    expected = zip(
        alignment.pair_pieces.tolist(), alignment.pair_tokens.tolist(), strict=True
    )
    assert seen == set(expected)


def pair_windows(n_first, n_second, *, width, overlap=0):
    """Segments of tokens of a piece each -> (ids of a window, its segment ids)."""
    windows, batches = windows_of(
        [[1] * (n_first + n_second)],
        WORDPIECE,
        width=width,
        overlap=overlap,
        n_first=[n_first],
    )
    (batch,) = batches
    segments = batch.packed.segment_ids.split(batch.packed.lengths)
    return [(w, s.tolist()) for w, s in zip(windows, segments, strict=True)]


CLS, SEP = WORDPIECE.cls_id, WORDPIECE.sep_id


def test_two_segments():
    ((ids, segments),) = pair_windows(2, 3, width=10)
    assert ids == [CLS, 100, 101, SEP, 102, 103, 104, SEP]
    assert segments == [0, 0, 0, 0, 1, 1, 1, 1]


def test_empty_segments():
    assert pair_windows(0, 1, width=10) == [([CLS, SEP, 100, SEP], [0, 0, 1, 1])]
    assert pair_windows(1, 0, width=10) == [([CLS, 100, SEP, SEP], [0, 0, 0, 1])]


def test_a_short_first_segment_is_whole_in_each_window():
    # Room for 5 pieces: 2 of the first, 3 of the second.
    windows = [ids for ids, _ in pair_windows(2, 5, width=8, overlap=1)]
    assert windows == [
        [CLS, 100, 101, SEP, 102, 103, 104, SEP],
        [CLS, 100, 101, SEP, 104, 105, 106, SEP],
    ]


def test_a_short_second_segment_is_whole_in_each_window():
    windows = [ids for ids, _ in pair_windows(5, 1, width=7)]
    assert windows == [
        [CLS, 100, 101, 102, SEP, 105, SEP],
        [CLS, 103, 104, SEP, 105, SEP],
    ]


def test_two_long_segments_are_paired_in_order():
    # Room for 4 pieces, two of each.
    windows = [ids for ids, _ in pair_windows(6, 4, width=7)]
    assert windows == [
        [CLS, 100, 101, SEP, 106, 107, SEP],
        [CLS, 102, 103, SEP, 108, 109, SEP],
        [CLS, 104, 105, SEP, 108, 109, SEP],
    ]


@given(
    n_first=st.integers(0, 30),
    n_second=st.integers(0, 30),
    width=st.integers(5, 20),
    overlap=st.integers(0, 4),
)
def test_all_of_both_segments_is_in_windows_that_fit(n_first, n_second, width, overlap):
    windows = pair_windows(n_first, n_second, width=width, overlap=overlap)
    assert all(len(ids) <= width for ids, _ in windows)
    seen = {pair for window in windows for pair in zip(*window, strict=True)}
    seen = {(piece_id, segment) for piece_id, segment in seen if piece_id >= 100}
    expected = {(100 + i, int(i >= n_first)) for i in range(n_first + n_second)}
    assert seen == expected
