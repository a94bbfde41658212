"""The configs that are compared before and after `migrate`, and their tables."""

import pytest
from spacy import registry

from benchmarks.migration.configs import make_config
from benchmarks.migration.table import sections

MACHINE = {"machine": ["a CPU, 2 cores", "Python 3.11", "torch 2"]}


def test_both_configs_have_runs_of_one_length(minilm_path, tmp_path):
    stock, migrated = (
        make_config("tok2vec", system, tmp_path, seed=1, n_steps=300)
        for system in ("stock", "migrated")
    )
    assert list(stock["components"]) == ["tok2vec", "ner"]
    assert list(migrated["components"]) == ["bert_encoder", "ner"]
    for key in ("max_steps", "eval_frequency", "patience", "dropout"):
        assert stock["training"][key] == migrated["training"][key]
    assert migrated["training"]["max_steps"] == 300
    assert stock["system"]["seed"] == migrated["system"]["seed"] == 1
    schedule = migrated["training"]["optimizer"]["learn_rate"]
    assert schedule["total_steps"] == 300
    registry.resolve({"schedule": schedule})


@pytest.mark.spacy_transformers
def test_a_schedule_ends_with_the_run(minilm_path, tmp_path):
    pytest.importorskip("spacy_transformers")
    for system in ("stock", "migrated"):
        config = make_config("transformer", system, tmp_path, seed=0, n_steps=300)
        rate = config["training"]["optimizer"]["learn_rate"]
        assert (rate["total_steps"], rate["warmup_steps"]) == (300, 30)


def test_the_tables_by_hand():
    trained = {
        system: {"0": {"ents_f": f, "core minutes": minutes, **MACHINE}}
        for system, f, minutes in (("stock", 40.0, 2.0), ("migrated", 70.0, 6.0))
    }
    same = {"words/s": 600.0, "same predictions, % of Docs": 99.5, **MACHINE}
    speed = {"sentences": {"old": {"words/s": 300.0, **MACHINE}, "migrated": same}}
    parts = {"WNUT-17, tok2vec": trained, "speed": speed}
    scores, words = sections(parts)
    assert scores.table.splitlines()[2:] == [
        "| WNUT-17, tok2vec | ents_f | stock | 40.0 | 40.0 |  | 2.0 |  |",
        "| WNUT-17, tok2vec | ents_f | migrated | 70.0 | 70.0 | +30.0 | 6.0 | 3.00 |",
    ]
    assert words.table.splitlines()[2:] == [
        "| words/s, sentences | migrated | 600 | old | 300 | 2.00 |",
        "| same predictions, % of Docs, sentences | migrated | 99.5 |  |  |  |",
    ]
    assert not list(sections({}))
