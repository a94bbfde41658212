"""What the encoder's learning rate is, given the optimizer of the heads."""

import logging
from pathlib import Path

import numpy as np
import pytest
import spacy
from thinc.api import SGD, Adam, Config, RAdam
from thinc.schedules import warmup_linear

from spacy_bert import add_encoder
from spacy_bert.pipeline.architectures import build_bert_encoder
from spacy_bert.pipeline.encoding import get_shim
from spacy_bert.pipeline.learn_rates import LearnRates, default_maximum
from spacy_bert.tasks.starter_config import starter_config

ROOT = Path(__file__).parents[2]


def rate_of(optimizer, *, width=384, **settings):
    rates = LearnRates(**settings)
    return rates.top(optimizer, hidden_width=width) * optimizer.learn_rate


def rates_of_schedule(schedule, *, n_steps, **settings):
    """(the optimizer's, the encoder's) rates of n_steps steps."""
    optimizer = Adam(schedule)
    found = []
    for _ in range(n_steps):
        found.append((optimizer.learn_rate, rate_of(optimizer, **settings)))
        optimizer.step_schedules()
    return found


@pytest.mark.parametrize(
    ("width", "expected"), [(128, 3e-4), (384, 1e-4), (768, 5e-5), (1024, 5e-5)]
)
def test_the_constant_rate_of_spacys_tok2vec_config_is_bounded(width, expected):
    for make in (Adam, RAdam):
        assert rate_of(make(1e-3), width=width) == pytest.approx(expected)


@pytest.mark.parametrize("width", [128, 384, 768, 1024])
def test_spacys_transformer_config_is_left_alone(width):
    schedule = warmup_linear(5e-5, warmup_steps=250, total_steps=20000)
    rates = rates_of_schedule(schedule, n_steps=300, width=width)
    assert max(theirs for theirs, _ in rates) == 5e-5
    assert all(theirs == ours for theirs, ours in rates)


def test_the_first_step_of_a_warm_up_has_no_rate():
    assert rates_of_schedule(warmup_linear(1e-2, 2, 4), n_steps=4) == [
        (0.0, 0.0),
        (5e-3, pytest.approx(1e-4)),
        (1e-2, pytest.approx(1e-4)),
        (5e-3, pytest.approx(1e-4)),
    ]


def test_a_factor_follows_the_schedule_below_the_maximum():
    rates = rates_of_schedule(warmup_linear(1e-3, 2, 4), n_steps=4, factor=0.1)
    assert [ours for _, ours in rates] == pytest.approx([0.0, 5e-5, 1e-4, 5e-5])


def test_a_maximum_of_ones_own_replaces_the_default():
    assert rate_of(Adam(1e-3), maximum=1e-5) == pytest.approx(1e-5)
    assert rate_of(Adam(1e-3), maximum=1.0) == 1e-3
    assert rate_of(SGD(1e-1), maximum=1e-2) == pytest.approx(1e-2)


def test_the_default_maximum_is_not_for_sgd():
    # Its steps are as long as the gradients make them.
    assert rate_of(SGD(1e-1)) == 1e-1


def test_shares_of_layers_by_hand():
    rates = LearnRates(layer_decay=0.5)
    found = {
        name: rates.layer_ratio(name, n_layers=2)
        for name in (
            "pooler.bias",
            "layers.1.a",
            "layers.0.a.b",
            "embeddings.norm.bias",
        )
    }
    assert list(found.values()) == [1.0, 1.0, 0.5, 0.25]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learn_rate_factor": 0.0}, "learn_rate_factor must be .* above 0.*freeze"),
        ({"learn_rate_factor": float("inf")}, "learn_rate_factor .* got inf"),
        ({"max_learn_rate": 0.0}, "max_learn_rate must be .* above 0.*freeze"),
        ({"max_learn_rate": float("nan")}, "max_learn_rate .* got nan"),
        ({"layer_decay": 1.5}, r"layer_decay must lie in \(0, 1\], got 1.5"),
    ],
)
def test_impossible_rates_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        build_bert_encoder(**settings)


def take_step(model, nlp, optimizer):
    """How far each parameter moved. Adam's first step moves each weight by its learning
    rate, whatever its gradient."""
    shim = get_shim(model)
    before = {k: v.clone() for k, v in shim.encoder.state_dict().items()}
    vectors, backprop = model.begin_update([nlp.make_doc("the unaffable cat sat")])
    backprop(
        [np.random.default_rng(0).normal(size=v.shape).astype("f") for v in vectors]
    )
    model.finish_update(optimizer)
    after = shim.encoder.state_dict()
    return {k: (after[k] - before[k]).abs().max().item() for k in before}


def plain_adam(rate):
    return Adam(rate, L2=0.0, grad_clip=0.0)


@pytest.mark.parametrize(
    ("settings", "top"),
    [
        ({"learn_rate_factor": 0.5, "max_learn_rate": 1.0}, 0.005),
        ({"max_learn_rate": 0.001}, 0.001),
        # 5e-5 * 768 / 16
        ({}, 0.0024),
    ],
)
def test_rates_reach_the_parameters_of_the_encoder(
    nlp, architecture, checkpoint, settings, top
):
    model = build_bert_encoder(**architecture, layer_decay=0.5, **settings)
    get_shim(model).load(checkpoint)
    moved = take_step(model, nlp, plain_adam(0.01))
    assert moved["layers.1.intermediate.weight"] == pytest.approx(top, rel=2e-3)
    assert moved["layers.0.intermediate.weight"] == pytest.approx(top / 2, rel=2e-3)
    assert moved["embeddings.pieces.weight"] == pytest.approx(top / 4, rel=2e-3)


def test_a_pipeline_that_is_trained_on_has_the_same_maximum(checkpoint, tmp_path):
    nlp = spacy.blank("xx")
    add_encoder(nlp, checkpoint)
    nlp.to_disk(tmp_path)
    again = spacy.load(tmp_path)
    optimizer = again.resume_training(sgd=plain_adam(0.01))
    moved = take_step(again.get_pipe("bert_encoder").model, again, optimizer)
    assert max(moved.values()) == pytest.approx(0.0024, rel=2e-3)


def warnings_of_steps(caplog, model, nlp, rates):
    caplog.clear()
    with caplog.at_level(logging.WARNING, logger="spacy"):
        for rate in rates:
            take_step(model, nlp, plain_adam(rate))
    return [record.getMessage() for record in caplog.records]


def test_a_ruinous_rate_is_told_once(nlp, architecture, checkpoint, caplog):
    model = build_bert_encoder(**architecture, max_learn_rate=1.0)
    get_shim(model).load(checkpoint)
    # 3.5 times the default maximum is 0.0084.
    assert warnings_of_steps(caplog, model, nlp, [0.0, 0.008]) == []
    (message,) = warnings_of_steps(caplog, model, nlp, [0.01, 0.02])
    assert "rate of 0.01. Expected 0.0024 or less for its hidden_width of 16" in message
    assert "max_learn_rate" in message


def test_rates_that_ruin_nothing_are_not_told(
    nlp, architecture, checkpoint, tokenizer, caplog
):
    bounded = build_bert_encoder(**architecture)
    get_shim(bounded).load(checkpoint)
    assert warnings_of_steps(caplog, bounded, nlp, [0.01]) == []
    random = build_bert_encoder(**architecture, max_learn_rate=1.0)
    get_shim(random).start_at_random(tokenizer)
    assert warnings_of_steps(caplog, random, nlp, [0.01]) == []


def test_a_copy_and_bytes_count_as_pretrained(nlp, architecture, checkpoint, caplog):
    model = build_bert_encoder(**architecture, max_learn_rate=1.0)
    get_shim(model).load(checkpoint)
    for again in (model.copy(), model.from_bytes(model.to_bytes())):
        assert len(warnings_of_steps(caplog, again, nlp, [0.01])) == 1


def test_a_starter_config_stays_within_the_maximum(checkpoint):
    config = Config().from_str(starter_config(checkpoint, heads=["ner"]))
    peak = config["training"]["optimizer"]["learn_rate"]["initial_rate"]
    encoder = config["components"]["bert_encoder"]["model"]
    assert encoder["max_learn_rate"] is None
    peak *= encoder["learn_rate_factor"]
    assert peak == pytest.approx(default_maximum(encoder["hidden_width"]))


def test_the_default_run_keeps_one_rate_for_all():
    config = spacy.util.load_config(ROOT / "configs" / "train.cfg")
    peak = config["training"]["optimizer"]["learn_rate"]["initial_rate"]
    encoder = config["components"]["bert_encoder"]["model"]
    found = rate_of(
        Adam(peak), width=encoder["hidden_width"], maximum=encoder["max_learn_rate"]
    )
    assert found == peak == 0.001


def test_a_frozen_encoder_is_at_no_risk(nlp, architecture, checkpoint, caplog):
    model = build_bert_encoder(**architecture, max_learn_rate=1.0, freeze="all")
    get_shim(model).load(checkpoint)
    with caplog.at_level(logging.WARNING, logger="spacy"):
        model.finish_update(plain_adam(0.01))
    assert not caplog.records
