"""The projects: their encoders, commands and tables, without training anything."""

import json

import pytest
import torch

from benchmarks.fine_tuning.recipe import make_config
from benchmarks.projects import __main__ as command
from benchmarks.projects import encoders
from benchmarks.projects.biomedical import write_text
from benchmarks.projects.encoders import find_encoder, pretraining_result
from benchmarks.projects.recipes import (
    CHINESE,
    CONTINUED,
    DOMAIN,
    E5,
    PRETRAINED,
    RANDOM,
    recipe_for,
)
from benchmarks.projects.table import sections
from spacy_bert.checkpoint.loading import load_bert, read_config

HELD_OUT = {"held_out_mlm_loss": 4.5, "held_out_unigram_loss": 6.5}


@pytest.fixture
def best(tmp_path, checkpoint):
    """The best checkpoint of a run, and its log."""
    run = tmp_path / "work" / CHINESE.name / "bert"
    run.mkdir(parents=True)
    (run / "model-best").symlink_to(checkpoint)
    rows = [
        {"step": 1, "n_pieces": 1_000_000, "seconds": 60, "mlm_loss": 9.0},
        {"step": 2, "n_pieces": 2_000_000, "seconds": 120, **HELD_OUT},
        {"step": 3, "n_pieces": 3_000_000, "seconds": 180, **HELD_OUT},
    ]
    rows[2]["held_out_mlm_loss"] = 5.0
    (run / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return run / "model-best"


@pytest.mark.slow
def test_random_weights_have_the_architecture_and_a_seed(best):
    paths = [find_encoder(RANDOM, best, seed=seed, e5=None) for seed in (0, 1, 0)]
    assert paths[0] == paths[2] != paths[1]
    assert all(read_config(path) == read_config(best) for path in paths)
    weights = [
        next(iter(load_bert(path).encoder.parameters())) for path in (*paths[:2], best)
    ]
    assert not any(
        torch.equal(*pair) for pair in zip(weights, weights[1:], strict=False)
    )


def test_each_system_has_its_encoder(best, tmp_path):
    assert find_encoder(PRETRAINED, best, seed=0, e5=None) == best
    assert find_encoder(CONTINUED, best, seed=0, e5=None) == best
    assert find_encoder(E5, best, seed=0, e5=tmp_path) == tmp_path
    with pytest.raises(ValueError, match="Give --e5"):
        find_encoder(E5, best, seed=0, e5=None)


def test_the_embeddings_of_the_large_encoder_are_frozen(checkpoint):
    for recipe, _ in CHINESE.rows.values():
        for system in recipe.systems:
            config = make_config(recipe_for(recipe, system), system, 0, checkpoint)
            frozen = config["components"]["bert_encoder"]["model"]["freeze"]
            assert frozen == ("embeddings" if system == E5 else "none")
            rate = config["components"]["bert_encoder"]["model"]["max_learn_rate"]
            assert rate == (2e-4 if system == E5 else 5e-4)


def test_the_best_evaluation_is_reported(best):
    found = pretraining_result(best)
    assert found["model-best"] == {
        "MLM loss": 4.5,
        "million pieces": 2.0,
        "minutes": 2.0,
    }
    assert found["guessing by frequency"] == {"MLM loss": 6.5}


def test_the_text_has_ten_sentences_a_document(tmp_path):
    folder = tmp_path / "bc5cdr"
    folder.mkdir()
    sentences = [f"Aspirin{i}\tB-Chemical\nhelps\tO\n.\tO\n" for i in range(23)]
    (folder / "train.tsv").write_text("\n".join(sentences))
    write_text(tmp_path, tmp_path / "new" / "text.txt")
    documents = (tmp_path / "new" / "text.txt").read_text().strip().split("\n\n")
    assert [len(text.splitlines()) for text in documents] == [10, 10, 3]
    assert documents[2].splitlines()[0] == "Aspirin20 helps ."


def test_the_commands_of_a_project(tmp_path, monkeypatch):
    """The vocabulary is learned once; a run that was stopped goes on."""
    commands = []
    monkeypatch.setattr(encoders, "_spacy_bert", lambda *words: commands.append(words))
    encoders.pretrain(CHINESE, tmp_path, tmp_path / "work", 60)
    (tmp_path / "work" / CHINESE.name / "vocab.txt").touch()
    encoders.pretrain(CHINESE, tmp_path, tmp_path / "work", 60)
    assert [words[0] for words in commands] == ["vocab", "pretrain", "pretrain"]
    for words in commands[1:]:
        assert "--resume" in words
        given = dict(zip(words[4::2], words[5::2], strict=True))
        assert given["--paths.corpus"] == str(tmp_path / "wiki_zh")
        assert given["--pretraining.max_minutes"] == "60"


@pytest.fixture
def start(best, tmp_path, monkeypatch):
    """start(*options) -> which systems are measured, of one row for each seed."""
    measured = []

    def measure(function, *, recipe, system, seed, **places):
        measured.append((recipe.dataset, system, seed, recipe.n_steps))
        return {"core minutes": 1.0, **dict.fromkeys(recipe.scores, 50.0 + seed)}

    monkeypatch.setattr(command, "pretrain", lambda *a: best)
    monkeypatch.setattr(command, "prepare", lambda *a: None)
    monkeypatch.setattr(command, "run_alone", measure)

    def start(*options):
        measured.clear()
        places = [str(tmp_path / "data"), str(tmp_path / "work"), "--jobs", "1"]
        results = ["--results", str(tmp_path / "results.json")]
        monkeypatch.setattr("sys.argv", ["projects", *places, *results, *options])
        command.main()
        return list(measured)

    return start


@pytest.mark.slow
def test_what_was_measured_is_not_measured_again(start, capsys):
    first = start("--only", "chinese")
    # 3 + 3 + 1 seeds of two systems.
    assert len(first) == 14 and not any(system == E5 for _, system, _, _ in first)
    assert start("--only", "chinese") == []
    table = capsys.readouterr().out
    row = f"| Chinese project: UNER zh | ents_f | {PRETRAINED} | 51.0 ± 1.0 |"
    assert f"{row} 50.0, 51.0, 52.0 | +0.0 | 1.0 | 1.00 |" in table
    assert "| Chinese project: pretraining | MLM loss | model-best | 4.50 |" in table
    assert {system for _, system, *_ in start("--only", "chinese", "--e5", "x")} == {E5}


def test_a_trial_is_short(start):
    options = ["--only", "domain", "--steps", "2", "--seeds", "1", "--minutes", "1"]
    assert [n for *_, n in start(*options)] == [2, 2]
    assert len(start("--only", "domain")) == 6


def test_no_results_give_no_table():
    assert not any(section.parts for section in sections({}))


def test_the_domain_project_changes_the_config_for_checkpoints():
    assert DOMAIN.overrides["vocabulary.extend_vocab"] == 1000
