"""Every wrong setting is refused before anything is read, and the message helps."""

from dataclasses import fields

import pytest

from spacy_bert.checkpoint.saving import save_checkpoint
from spacy_bert.model import BertConfig, BertForPretraining
from spacy_bert.pretraining import PretrainingConfig
from spacy_bert.pretraining.training_config import TrainingConfig


def mistakes_of(settings):
    with pytest.raises(ValueError) as caught:
        PretrainingConfig.from_dict(settings)
    return [mistake.message for mistake in caught.value.mistakes]


def test_all_mistakes_of_all_sections_are_reported_at_once(settings):
    settings["corpus"] |= {"held_out_ratio": 0.9, "pth": "a.txt"}
    settings["vocabulary"]["size"] = 0
    settings["model"] |= {"n_layers": 0, "n_heads": 3, "hiden_width": 8}
    settings["pretraining"] |= {
        "lern_rate": 1e-4,
        "batch_size": "many",
        "mask_prob": float("nan"),
        "eps": float("inf"),
        "schedule": "wsd",
        "decay_ratio": 0.9,
    }
    settings["pretraning"] = {}
    said = mistakes_of(settings)
    for i, beginning in enumerate(
        [
            "Unknown section 'pretraning' in the config. Did you mean 'pretraining'?",
            "Unknown key 'lern_rate' in [pretraining]. Did you mean 'learn_rate'?",
            "[pretraining] batch_size: expected a whole number, got 'many'",
            "[pretraining] mask_prob: expected a finite number, got nan",
            "[pretraining] eps: expected a finite number, got inf",
            "[pretraining] decay_ratio: expected above 0 and at most 1 - warmup_ratio",
            "Unknown key 'pth' in [corpus]. Did you mean 'path'?",
            "[corpus] held_out_ratio: expected a fraction above 0",
            "[vocabulary] size: expected at least 1, got 0",
            "Unknown key 'hiden_width' in [model]. Did you mean 'hidden_width'?",
            "[model] n_layers must be a whole number of at least 1, got 0",
            "[model] hidden_width must be a multiple of n_heads",
        ]
    ):
        assert said[i].startswith(beginning), said
    assert len(said) == 12


def test_what_follows_from_another_mistake_is_not_reported(settings):
    """A wrong max_length has its default, 128, meanwhile."""
    settings["pretraining"] |= {"max_length": "long", "final_max_length": 32}
    assert mistakes_of(settings) == [
        "[pretraining] max_length: expected a whole number, got 'long'."
    ]


def test_sections_are_compared_although_others_are_wrong(settings):
    settings["pretraining"] |= {"max_length": 33, "learn_rate": 0}
    rate, length = mistakes_of(settings)
    assert "learn_rate: expected a number above 0" in rate
    assert "max_length: expected at most [model] max_positions = 32, got 33" in length


@pytest.mark.parametrize(
    "section, key",
    [
        ("corpus", "held_out_ratio"),
        ("model", "layer_norm_eps"),
        ("model", "initializer_range"),
        ("model", "hidden_dropout_prob"),
        *(
            ("pretraining", f.name)
            for f in fields(TrainingConfig)
            if "float" in str(f.type)
        ),
    ],
)
@pytest.mark.parametrize("value", [float("inf"), float("nan"), 10**400])
def test_numbers_are_finite(settings, section, key, value):
    if key == "betas":
        value = [0.9, value]
    settings[section][key] = value
    (said,) = mistakes_of(settings)
    assert said.startswith(f"[{section}] {key}: expected a finite number, got ")


def test_a_high_rate_is_warned_of_and_a_slip_refused(make_config, settings):
    assert make_config(pretraining={"learn_rate": 0.1}).warnings() == []
    (warning,) = make_config(pretraining={"learn_rate": 0.2}).warnings()
    assert "learn_rate = 0.2 is far above" in warning
    settings["pretraining"]["learn_rate"] = 2e3
    assert mistakes_of(settings) == [
        "[pretraining] learn_rate: expected at most 1, such as 1e-4, got 2000.0."
    ]


def test_numbers_of_the_model_are_compared_if_they_are_right(settings):
    settings["model"] |= {"hidden_width": 10, "n_heads": 4, "layer_norm_eps": 5.0}
    assert [said.split()[1] for said in mistakes_of(settings)] == [
        "layer_norm_eps",
        "hidden_width",
    ]
    settings["model"] |= {"n_heads": 0}
    assert [said.split()[1] for said in mistakes_of(settings)] == [
        "n_heads",
        "layer_norm_eps",
    ]


@pytest.mark.parametrize(
    "section, key, value",
    [
        ("model", "hidden_width", 10**7),
        ("model", "intermediate_width", 10**10),
        ("model", "max_positions", 10**10),
        ("vocabulary", "size", 10**10),
    ],
)
def test_a_model_that_no_memory_holds_is_refused(settings, section, key, value):
    settings[section][key] = value
    (said,) = mistakes_of(settings)
    name = "vocab_size" if section == "vocabulary" else key
    assert f"mostly because of {name} = {value:,}" in said and "parameters" in said


def test_a_checkpoint_has_a_vocabulary_and_numbers_of_its_own(settings, bert_path):
    """All that has to go from a config for a new BERT is said at once."""
    settings["pretraining"] |= {"checkpoint": str(bert_path), "warm_start": True}
    settings["vocabulary"]["path"] = "nowhere.txt"
    warm_start, numbers, path = mistakes_of(settings)
    assert "warm_start: expected false" in warm_start
    assert "hidden_width = 16 (expected 8), n_layers = 2 (expected 1)" in numbers
    assert "Leave path out" in path and "'spacy bert vocab'" not in path
    settings["vocabulary"]["path"] = None
    settings["pretraining"]["warm_start"], settings["model"] = False, {}
    config = PretrainingConfig.from_dict(settings)
    assert config.vocabulary.path == str(bert_path)


def test_a_right_config_is_read(make_config):
    config = make_config(paths={"anything": "goes"})
    assert config.corpus.settings == {}
    assert config.pretraining.betas == (0.9, 0.999)
    assert config.bert_config(29).vocab_size == 29


@pytest.mark.parametrize(
    "section, key, value, message",
    [
        ("pretraining", "lern_rate", 1.0, "'lern_rate'.*Did you mean 'learn_rate'"),
        ("pretraning", "seed", 1, "section 'pretraning'.*mean 'pretraining'"),
        ("model", "hiden_width", 16, "'hiden_width'.*Did you mean 'hidden_width'"),
        ("corpus", "settings", "text", "settings: expected a section, got 'text'"),
        (
            "corpus",
            "held_out_ratio",
            0.0,
            "held_out_ratio: expected a fraction above 0",
        ),
        ("vocabulary", "size", 0, "size: expected at least 1, got 0"),
        ("pretraining", "max_steps", 0, "max_steps: expected a number above 0, got 0"),
        ("pretraining", "max_steps", 1.5, "max_steps: expected a whole number"),
        ("pretraining", "max_steps", True, "max_steps: expected a whole number"),
        ("pretraining", "mask_prob", 1.5, "mask_prob: expected a probability"),
        ("pretraining", "mask_prob", 0.0, "mask_prob: expected a probability above 0"),
        ("pretraining", "short_seq_prob", -0.1, "from 0 to 1, got -0.1"),
        ("pretraining", "random_piece_prob", 0.3, "at most 1 - mask_token_prob = 0.2"),
        ("pretraining", "betas", [0.9], "betas: expected a list of 2 numbers"),
        ("pretraining", "betas", [0.9, 1.0], "betas: expected two numbers"),
        ("pretraining", "max_minutes", 0.0, "max_minutes: expected a number above 0"),
        ("pretraining", "max_steps", None, "max_steps, max_epochs or max_minutes"),
        (
            "pretraining",
            "warmup_ratio",
            1.0,
            "warmup_ratio: expected a fraction from 0",
        ),
        ("pretraining", "schedule", "step", "'cosine' or 'wsd', got 'step'"),
        (
            "pretraining",
            "fill_mask_samples",
            "a [MASK]",
            "fill_mask_samples: expected a list, got",
        ),
        (
            "pretraining",
            "fill_mask_samples",
            ["a [MASK]", "b"],
            "expected texts that each",
        ),
        (
            "pretraining",
            "fill_mask_samples",
            [1],
            "fill_mask_samples: expected text, got 1",
        ),
        ("pretraining", "max_length", 33, "at most .* max_positions = 32, got 33"),
        ("pretraining", "max_length", 4, "max_length: expected at least 5"),
        ("pretraining", "final_max_length", 33, "final_max_length: .* = 32, got 33"),
        ("pretraining", "final_max_length", 32, "more than max_length = 32, got 32"),
        ("pretraining", "final_ratio", 1.0, "a fraction above 0 and below 1, got 1.0"),
        ("pretraining", "next_sentence", "rtd", "'nsp' or 'sop' or 'none', got 'rtd'"),
        ("pretraining", "max_predictions_per_seq", 0, "at least 1, got 0"),
        ("pretraining", "learn_rate", 0.0, "learn_rate: expected a number above 0"),
        ("pretraining", "seed", 1 << 63, "seed: expected below 2"),
        (
            "pretraining",
            "checkpoint",
            "./none",
            "checkpoint: none: expected the folder.* found nothing there",
        ),
        ("model", "n_segments", 1, "n_segments: expected 2, as pairs have two"),
        ("model", "n_heads", 3, "hidden_width must be a multiple of n_heads"),
    ],
)
def test_a_wrong_setting_is_named(make_config, section, key, value, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        make_config(**{section: {key: value}})


def test_a_warm_start_is_not_for_checkpoints(make_config):
    with pytest.raises(ValueError, match="warm_start: expected false with a checkp"):
        make_config(pretraining={"warm_start": True, "checkpoint": "some/bert"})


def test_the_decay_fits_beside_the_warmup(make_config):
    long = {"schedule": "wsd", "warmup_ratio": 0.5, "decay_ratio": 0.6}
    with pytest.raises(ValueError, match="decay_ratio: .* at most 1 - warmup_ratio"):
        make_config(pretraining=long)
    make_config(pretraining={**long, "schedule": "linear"})


@pytest.mark.parametrize(
    "key, value, message",
    [
        ("masking", "spans", "'pieces' or 'words' with faithful = true.*got 'spans'"),
        ("next_sentence", "sop", "'nsp' with faithful = true.*got 'sop'"),
    ],
)
def test_the_original_has_no_other_forms(make_config, key, value, message):
    with pytest.raises(ValueError, match=message):
        make_config(pretraining={"faithful": True, key: value})


def test_a_missing_setting_is_named():
    with pytest.raises(ValueError, match=r"\[corpus\] lacks 'path'"):
        PretrainingConfig.from_dict({"vocabulary": {"path": "vocab.txt"}})


def test_a_vocabulary_of_another_size_is_refused(make_config):
    config = make_config(model={"vocab_size": 30})
    with pytest.raises(ValueError, match="vocab_size: expected 29.*got 30"):
        config.bert_config(29)


def test_a_checkpoint_gives_the_architecture(tmp_path, settings, pieces):
    bert = BertConfig(vocab_size=29, hidden_width=8, n_layers=1, n_heads=2)
    save_checkpoint(tmp_path / "bert", BertForPretraining(bert), pieces)
    settings["pretraining"]["checkpoint"] = str(tmp_path / "bert")
    settings["model"] = {"hidden_dropout_prob": 0.0}
    config = PretrainingConfig.from_dict(settings).bert_config(29)
    assert (config.hidden_width, config.hidden_dropout_prob) == (8, 0.0)
    settings["model"] = {"hidden_width": 16}
    with pytest.raises(ValueError, match=r"hidden_width = 16 \(expected 8\)"):
        PretrainingConfig.from_dict(settings).bert_config(29)
