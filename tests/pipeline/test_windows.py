"""Long Docs -> overlapping windows."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spacy_bert.pipeline.alignment import Alignment
from spacy_bert.pipeline.windows import make_window_batches
from spacy_bert.tokenization import WordPiece

WORDPIECE = WordPiece(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])


def align_by_lengths(docs):
    """Docs as lists of how many pieces each token has."""
    lengths = [n for doc in docs for n in doc]
    n_pieces = sum(lengths)
    return Alignment(
        piece_ids=np.arange(100, 100 + n_pieces, dtype=np.int32),
        doc_ends=np.cumsum([sum(doc) for doc in docs]),
        pair_pieces=np.arange(n_pieces),
        pair_tokens=np.repeat(np.arange(len(lengths)), lengths),
        n_tokens=len(lengths),
    )


def windows_of(docs, wordpiece, *, width, overlap, max_batch_pieces=10_000):
    """The piece ids of each window, and the batches they came in."""
    batches = list(
        make_window_batches(
            align_by_lengths(docs),
            wordpiece,
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


def test_a_short_doc_is_one_window(wordpiece):
    windows, _ = windows_of([[1, 1, 1]], wordpiece, width=5, overlap=0)
    assert windows == [[wordpiece.cls_id, 100, 101, 102, wordpiece.sep_id]]


def test_windows_overlap_and_end_between_tokens(wordpiece):
    # Room for 4 pieces; the tokens are (100), (101 102), (103), (104). Two pieces back
    # from the first window's end is inside the second token, so all of it comes again.
    windows, _ = windows_of([[1, 2, 1, 1]], wordpiece, width=6, overlap=2)
    inner = sorted(window[1:-1] for window in windows)
    assert inner == [[100, 101, 102, 103], [101, 102, 103, 104]]


def test_a_token_wider_than_a_window_is_cut_inside(wordpiece):
    windows, _ = windows_of([[7]], wordpiece, width=5, overlap=1)
    assert sorted(w[1:-1] for w in windows) == [[100, 101, 102], [103, 104, 105], [106]]


def test_empty_docs_have_no_windows(wordpiece):
    windows, _ = windows_of([[], [1], []], wordpiece, width=5, overlap=1)
    assert len(windows) == 1


def test_batches_keep_to_their_budget_and_begin_with_the_longest(wordpiece):
    docs = [[1] * 3, [1] * 6, [1] * 2, [1] * 6]
    windows, batches = windows_of(
        docs, wordpiece, width=10, overlap=0, max_batch_pieces=14
    )
    assert [len(window) for window in windows] == [8, 8, 5, 4]
    assert [batch.packed.lengths for batch in batches] == [(8,), (8, 5), (4,)]
    assert [batch.docs.tolist() for batch in batches] == [[1], [3, 0], [2]]


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
        pieces = batch.packed.piece_ids.numpy()[batch.pair_rows] - 100
        seen.update(zip(pieces.tolist(), batch.pair_tokens.tolist(), strict=True))
    expected = zip(
        alignment.pair_pieces.tolist(), alignment.pair_tokens.tolist(), strict=True
    )
    assert seen == set(expected)
