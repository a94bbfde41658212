"""Every wrong setting is refused before anything is read, and the message helps."""

import pytest

from spacy_bert.checkpoint import save_checkpoint
from spacy_bert.model import BertConfig, BertForPretraining
from spacy_bert.pretraining import PretrainingConfig


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
        ("corpus", "held_out_prob", 0.0, "held_out_prob: expected a share above 0"),
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
        ("pretraining", "warmup_ratio", 1.0, "warmup_ratio: expected a part from 0"),
        ("pretraining", "schedule", "step", "'cosine' or 'wsd', got 'step'"),
        ("pretraining", "probes", "a [MASK]", "probes: expected a list, got"),
        ("pretraining", "probes", ["a [MASK]", "b"], "expected texts that each"),
        ("pretraining", "probes", [1], "probes: expected text, got 1"),
        ("pretraining", "max_length", 33, "at most .* max_positions = 32, got 33"),
        ("pretraining", "max_length", 4, "max_length: expected at least 5"),
        ("pretraining", "final_max_length", 33, "final_max_length: .* = 32, got 33"),
        ("pretraining", "final_max_length", 32, "more than max_length = 32, got 32"),
        ("pretraining", "final_share", 1.0, "a share above 0 and below 1, got 1.0"),
        ("pretraining", "next_sentence", "rtd", "'nsp' or 'sop' or 'none', got 'rtd'"),
        ("pretraining", "max_predictions_per_seq", 0, "at least 1, got 0"),
        ("pretraining", "learn_rate", 0.0, "learn_rate: expected a number above 0"),
        ("pretraining", "seed", 1 << 63, "seed: expected below 2"),
        (
            "pretraining",
            "checkpoint",
            "none",
            "a BERT, with its config.json, found none",
        ),
        ("model", "n_segments", 1, "n_segments: expected 2, as pairs have two"),
        ("model", "n_heads", 3, "hidden_width must be a multiple of n_heads"),
    ],
)
def test_a_wrong_setting_is_named(make_config, section, key, value, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        make_config(**{section: {key: value}})


def test_a_warm_start_is_not_for_checkpoints(make_config):
    with pytest.raises(ValueError, match="warm_start: expected false beside a checkp"):
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
    with pytest.raises(ValueError, match="hidden_width: expected 8, as in .* got 16"):
        PretrainingConfig.from_dict(settings).bert_config(29)
