"""A starter config, trained with as `spacy train` does."""

import pytest
import spacy
import torch
from engine_option import assert_same
from spacy.util import registry
from thinc.api import Config, ConfigValidationError

from spacy_bert.checkpoint.saving import save_checkpoint
from spacy_bert.pipeline.schedules import make_warmup_linear
from spacy_bert.tasks.starter_config import (
    HEADS,
    TASKS,
    annotate,
    starter_config,
    task_config,
)


def test_comments_stand_above_their_keys():
    config = "[one]\nkey = 1\n\n[two]\nkey = 2\n"
    comments = {"two": "A section.", "two.key": "A key."}
    expected = "[one]\nkey = 1\n\n# A section.\n[two]\n# A key.\nkey = 2\n"
    assert annotate(config, comments) == expected


@pytest.mark.parametrize("head", sorted(HEADS))
def test_every_head_has_a_config_that_is_complete(checkpoint, head):
    config = Config().from_str(starter_config(checkpoint, heads=[head]))
    nlp = spacy.util.load_model_from_config(config, auto_fill=False, validate=True)
    assert nlp.pipe_names == ["bert_encoder", head]
    assert nlp.get_pipe("bert_encoder").listening_components == [head]


def test_a_pooler_that_nothing_trained_is_left_out(
    tmp_path, pretraining_model, tokenizer
):
    def is_pooled():
        save_checkpoint(tmp_path, pretraining_model.encoder, tokenizer)
        config = Config().from_str(starter_config(tmp_path, heads=["textcat"]))
        return config["components"]["textcat"]["model"]["tok2vec"]["pooled"]

    pooler = pretraining_model.encoder.pooler
    torch.nn.init.zeros_(pooler.bias)
    assert not is_pooled()
    torch.nn.init.constant_(pooler.bias, 0.1)
    assert is_pooled()


def test_features_are_of_the_last_layers_that_there_are(checkpoint):
    config = Config().from_str(task_config(checkpoint, task="features"))
    encoder = config["components"]["bert_encoder"]["model"]
    n_layers, width = encoder["n_layers"], encoder["hidden_width"]
    assert encoder["layers"] == list(range(-n_layers, 0)) and n_layers < 4
    assert (encoder["freeze"], encoder["combine"]) == ("all", "concat")
    listener = config["components"]["bert_ner"]["model"]["tok2vec"]
    assert listener["width"] == n_layers * width


def test_answers_in_chinese_are_characters(checkpoint):
    for lang, metric, n_tokens in (("en", "squad", 30), ("zh", "cmrc", 100)):
        text = task_config(checkpoint, task="questions", lang=lang)
        qa = Config().from_str(text)["components"]["extractive_qa"]
        assert (qa["scorer"]["metric"], qa["max_answer_tokens"]) == (metric, n_tokens)


def test_the_learning_rate_follows_the_number_of_steps(checkpoint):
    """A run that is made shorter still leaves its warm-up, and ends at 0."""
    text = starter_config(checkpoint, heads=["ner"])
    for n_steps in (20, 2000):
        overrides = {"training.max_steps": n_steps}
        config = Config().from_str(text, overrides=overrides)
        optimizer = registry.resolve(config["training"])["optimizer"]
        rates = []
        for _ in range(n_steps):
            rates.append(optimizer.learn_rate)
            optimizer.step_schedules()
        peak = config["training"]["optimizer"]["learn_rate"]["initial_rate"]
        assert max(rates) == pytest.approx(peak)
        assert rates.index(max(rates)) == n_steps // 10
        assert rates[-1] < 0.1 * peak


def test_a_schedule_needs_a_length(checkpoint):
    for settings in (
        {"total_steps": 0},
        {"total_steps": "9"},
        {"total_steps": 9, "warmup_ratio": 1.0},
    ):
        with pytest.raises(ConfigValidationError, match="expected a"):
            make_warmup_linear(0.1, **settings)


def test_a_run_may_have_a_single_step():
    """Which is the warm-up's, and so has a rate of 0."""
    assert next(iter(make_warmup_linear(0.1, total_steps=1))) == 0.0


def test_the_rate_stays_where_spacy_leaves_the_length_open(checkpoint):
    """In `nlp.resume_training`, and in `nlp.initialize` as `spacy debug data` calls it,
    spaCy keeps ${training.max_steps} as a text."""
    text = starter_config(checkpoint, heads=["ner"])
    config = Config().from_str(text, interpolate=False)
    nlp = spacy.util.load_model_from_config(config)
    optimizer = nlp.resume_training()
    peak = config["training"]["optimizer"]["learn_rate"]["initial_rate"]
    for _ in range(3):
        assert optimizer.learn_rate == pytest.approx(peak)
        optimizer.step_schedules()


def test_tasks_are_made_of_known_heads():
    assert {head for heads in TASKS.values() for head in heads} <= set(HEADS)


def test_training_saves_a_pipeline_without_paths(checkpoint, spacy_train, tmp_path):
    doc = spacy.blank("xx")("the cat sat on the river bank")
    doc.ents = [doc.char_span(4, 7, label="ANIMAL")]
    trained, path = spacy_train(starter_config(checkpoint, heads=["ner"]), [doc] * 4)
    again = spacy.load(path)
    assert_same(again(doc.text).tensor, trained(doc.text).tensor)
    for file in (path / "config.cfg", path / "meta.json"):
        assert str(tmp_path) not in file.read_text()


@pytest.mark.parametrize(
    "heads",
    [
        ["ner", "bert_ner"],
        ["text_regressor", "textcat"],
        ["textcat_multilabel", "text_regressor"],
        ["textcat", "textcat_multilabel"],
    ],
)
def test_heads_that_write_the_same_are_refused(checkpoint, heads):
    with pytest.raises(ValueError, match="got both, which write the same part"):
        starter_config(checkpoint, heads=heads)
