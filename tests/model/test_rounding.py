"""Few different lengths reach the dense layers, each of which costs a kernel."""

import pytest
import torch

from spacy_bert.model import pack
from spacy_bert.model.linear import Linear
from spacy_bert.model.rounding import pad_first_axis, round_up


@pytest.mark.parametrize(
    ("length", "expected"),
    [(1, 2), (4, 4), (5, 6), (15, 16), (17, 18), (33, 36), (36, 36), (65, 72)]
    + [(129, 144), (512, 512), (513, 576), (1000, 1024), (1025, 1152), (2048, 2048)],
)
def test_steps_are_an_eighth_of_the_power_of_two_below(length, expected):
    assert round_up(length) == expected


def test_there_are_56_numbers_up_to_a_batch():
    assert len({round_up(n) for n in range(1, 1025)}) == 56


def test_zeros_are_added_at_the_end():
    x = torch.arange(1, 11).reshape(5, 2)
    assert pad_first_axis(x).tolist() == [*x.tolist(), [0, 0]]
    assert pad_first_axis(x[:4]).tolist() == x[:4].tolist()
    assert pad_first_axis(torch.arange(17)).tolist() == [*range(17), 0]


@pytest.mark.parametrize("is_train", [False, True])
def test_batches_of_all_sizes_bring_few_lengths(
    pretraining_model, is_train, monkeypatch
):
    encoder = pretraining_model.encoder
    found = set()

    def note(function):
        def noting(x, *args):
            found.add(x.shape[0])
            return function(x, *args)

        return noting

    def note_gradients(module, gradients):
        found.add(gradients[0].shape[0])

    for module in encoder.layers.modules():
        if isinstance(module, Linear):
            name = "forward" if is_train else "predict"
            monkeypatch.setattr(module, name, note(getattr(module, name)))
            module.register_full_backward_pre_hook(note_gradients)
    for n_pieces in range(3, 129):
        batch = pack(
            torch.full((n_pieces,), 5), [3] * (n_pieces // 3 - 1) + [3 + n_pieces % 3]
        )
        with torch.set_grad_enabled(is_train):
            some = encoder(batch, torch.arange(n_pieces // 2 + 1))
            if is_train:
                (encoder(batch).sum() + some.sum()).backward()
    assert found == {round_up(n) for n in range(1, 129)}
