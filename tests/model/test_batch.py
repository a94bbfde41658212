import pytest
import torch

from spacy_bert.model import pack


def test_positions_start_again_in_each_sequence():
    batch = pack(torch.tensor([2, 7, 3, 2, 3]), [3, 2])
    assert batch.cu_seqlens.tolist() == [0, 3, 5]
    assert batch.position_ids.tolist() == [0, 1, 2, 0, 1]
    assert batch.segment_ids.tolist() == [0, 0, 0, 0, 0]
    assert batch.cls_positions.tolist() == [0, 3]


def test_lengths_that_do_not_add_up_are_refused():
    with pytest.raises(ValueError, match="add up to 4 pieces, but piece_ids has 5"):
        pack(torch.zeros(5), [3, 1])
