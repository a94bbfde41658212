"""Another library has changed torch's defaults: a run under the usual ones is the
witness."""

import pytest
import torch
from toy_corpus import read_log

from spacy_bert.checkpoint.loading import load_pretraining_model
from spacy_bert.pretraining import pretrain
from spacy_bert.pretraining.fill_mask import fill_mask


def quiet(text):
    pass


def run(make_config, output, changes):
    """Weights, guesses and numbers of the log of a run that is continued once."""
    for n_steps in (4, 6):
        config = make_config(pretraining={**changes, "max_steps": n_steps})
        pretrain(config, output, write=quiet, resume=True)
    model, tokenizer = load_pretraining_model(output / "model-last")
    guesses = fill_mask(model, tokenizer, "the [MASK] sat on the river bank .")
    log = [
        {key: row[key] for key in row if "loss" in key or "accuracy" in key}
        for row in read_log(output)
    ]
    return model.state_dict(), guesses, log


@pytest.mark.parametrize(
    "changes",
    [
        {"warm_start": True, "accumulate_gradient": 2},
        pytest.param(
            {"optimizer": "muon", "recompute": True, "next_sentence": "none"},
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_run(tmp_path, make_config, other_defaults, changes):
    expected = run(make_config, tmp_path / "usual", changes)
    with other_defaults():
        found = run(make_config, tmp_path / "other", changes)
    assert_same(found, expected)


def test_a_checkpoint_that_is_continued(
    tmp_path, settings, make_config, bert_path, other_defaults
):
    settings["model"] = {}
    del settings["vocabulary"]
    changes = {"checkpoint": str(bert_path)}
    expected = run(make_config, tmp_path / "usual", changes)
    with other_defaults():
        found = run(make_config, tmp_path / "other", changes)
    assert_same(found, expected)


def assert_same(found, expected):
    weights, *others = expected
    assert others == list(found[1:]) and others[1]
    for name, tensor in weights.items():
        assert found[0][name].dtype == torch.float32
        assert torch.equal(found[0][name], tensor), name
