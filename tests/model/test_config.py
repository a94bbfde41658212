from dataclasses import replace

import pytest

from spacy_bert.model import BertConfig, BertEncoder


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_heads": 3}, "hidden_width=256, n_heads=3"),
        ({"n_layers": 0}, "n_layers must be a whole number of at least 1, got 0"),
        ({"n_layers": 10**9}, "n_layers must be at most 1,000, got 1,000,000,000"),
        ({"hidden_width": "32"}, "hidden_width must be a whole number.* got '32'"),
        ({"hidden_dropout_prob": None}, "hidden_dropout_prob must be a number"),
        ({"layer_norm_eps": -1.0}, "layer_norm_eps must be above 0"),
        ({"layer_norm_eps": 1e300}, "above 0 and at most 1, got 1e.300"),
        ({"initializer_range": float("inf")}, "above 0 and at most 1, got inf"),
        ({"max_positions": 2}, "max_positions must be at least 3, .* got 2"),
        ({"activation": "swish"}, "activation must be one of"),
        ({"hidden_dropout_prob": 1.0}, r"hidden_dropout_prob must lie in \[0, 1\)"),
    ],
)
def test_impossible_numbers_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        BertConfig(vocab_size=10, **settings)


@pytest.mark.parametrize("n_layers", [1, 3])
def test_counting_parameters(toy_config, n_layers):
    config = replace(toy_config, n_layers=n_layers, n_segments=3)
    assert config.n_parameters == sum(
        parameter.numel() for parameter in BertEncoder(config).parameters()
    )
