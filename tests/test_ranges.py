import numpy as np
import pytest

from spacy_bert.ranges import expand_ranges


@pytest.mark.parametrize(
    "starts, widths, expected",
    [
        ([7, 2, 5], [3, 0, 2], [7, 8, 9, 5, 6]),
        ([5, 9], [0, 1], [9]),
        ([], [], []),
    ],
)
def test_ranges_by_hand(starts, widths, expected):
    expanded = expand_ranges(np.array(starts, np.int64), np.array(widths, np.int64))
    assert expanded.tolist() == expected
