"""Offsets of 4 bytes behave as those of 8."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_bert.corpus.index.offsets import Offsets, offset_dtype

MOST = 2**32
NUMBERS = st.integers(0, MOST - 2)


@given(
    stored=st.lists(NUMBERS, min_size=1).map(sorted),
    numbers=st.lists(NUMBERS | st.integers(MOST - 2, 2**40)),
    side=st.sampled_from(["left", "right"]),
)
def test_they_are_found_where_numpy_finds_them(stored, numbers, side):
    wide = np.array(stored, np.int64)
    narrow = Offsets(wide.astype(offset_dtype(stored[-1])))
    assert narrow.stored.dtype == np.uint32
    numbers = np.array(numbers + stored, np.int64)
    found = narrow.search(numbers, side)
    assert found.tolist() == np.searchsorted(wide, numbers, side).tolist()


def test_what_is_read_can_be_added_to():
    offsets = Offsets(np.array([0, 5, MOST - 2], np.uint32))
    assert len(offsets) == 3 and list(offsets) == [0, 5, MOST - 2]
    assert offsets[2] + np.int64(9) == MOST + 7
    assert (offsets[1:] + 9).tolist() == [14, MOST + 7]
    assert (offsets[np.array([1, 0])] - 7).tolist() == [-2, -7]


@pytest.mark.parametrize(("last", "n_bytes"), [(0, 4), (MOST - 2, 4), (MOST - 1, 8)])
def test_bytes_of_an_offset(last, n_bytes):
    assert offset_dtype(last).itemsize == n_bytes
