"""Several ranks take the steps of one; any of them may stop or fail."""

import json
import signal

import numpy as np
import pytest
import spacy
import srsly
from rank_pair import RankPair
from spacy.tokens import DocBin
from train_toys import files_of, run_ours, run_rank, same_pipelines

from spacy_bert.processes.ranks import OtherRankError
from spacy_bert.training import loop
from spacy_bert.training.errors import TrainingError

# Processes that import all of spaCy take their time.
pytestmark = pytest.mark.slow


def long(value):
    return pytest.param(value, marks=pytest.mark.long)


@pytest.fixture(scope="module")
def pair():
    pair = RankPair()
    yield pair
    pair.close()


PLAIN = {"training.dropout": 0.0, "training.max_steps": 100}


@pytest.fixture
def plain(make_config):
    """A config without dropout, which differs from rank to rank."""

    def make(task, **settings):
        return make_config(task, settings={**PLAIN, **settings})

    return make


def progress(output):
    return json.loads((output / "training-state" / "progress.json").read_text())


def vectors(output):
    """Weights would not do: Adam makes steps of what rounding leaves of a gradient that
    is 0, such as that of a key's bias."""
    return spacy.load(output / "model-last")("the cat ran and a dog sat").tensor


def losses(log):
    return [loss for row in srsly.read_jsonl(log) for loss in row["losses"].values()]


# Not spaCy's parser and ner, which cut texts at random.
@pytest.mark.parametrize("task", ["entities", long("tagging")])
def test_two_ranks_follow_one(tmp_path, plain, pair, task):
    config = plain(task, **{"training.logger.@loggers": "spacy.ConsoleLogger.v2"})

    def logged(name):
        return {"training.logger.output_file": str(tmp_path / name)}

    twice = {"training.accumulate_gradient": 2, **logged("one.jsonl")}
    outcome, _ = run_ours(config, tmp_path / "one", twice)
    both = pair(run_rank, config, tmp_path / "two", logged("two.jsonl"), {})
    assert [result[0] for result in both] == [outcome, outcome]
    assert both[1][1] == ""
    one = losses(tmp_path / "one.jsonl")
    assert len(one) >= 22 and sum(one) > 100
    assert losses(tmp_path / "two.jsonl") == pytest.approx(one, rel=1e-4, abs=1e-4)
    results = [progress(tmp_path / name)["results"] for name in ("one", "two")]
    assert results[0] == results[1]


@pytest.mark.long
def test_with_dropout_the_seeds_of_two_ranks_and_of_one_overlap(
    tmp_path, make_config, pair
):
    """Each rank drops something else than one process does."""
    config = make_config(settings={"training.max_steps": 24})
    twice = {"training.accumulate_gradient": 2}
    found = {"one": [], "two": []}
    for seed in range(3):
        seeded = {"training.seed": seed, "system.seed": seed}
        one, two = (tmp_path / f"{name}-{seed}" for name in found)
        run_ours(config, one, {**twice, **seeded})
        pair(run_rank, config, two, seeded, {})
        metas = [
            srsly.read_json(output / "model-last/meta.json") for output in (one, two)
        ]
        assert len({meta["performance"]["bert_ner_loss"] for meta in metas}) == 2
        for name, output in (("one", one), ("two", two)):
            found[name].append(progress(output)["results"][-1][0])
    assert max(map(min, found.values())) <= min(map(max, found.values())), found
    # Neither before the first step is learned, nor when there is nothing left to learn.
    assert all(min(scores) < 1 and max(scores) > 0.5 for scores in found.values())


def test_a_rank_that_sees_no_annotation_takes_part(tmp_path, plain, pair):
    """Nor a text: there are batches of one Doc."""
    config = plain("entities", **{"training.max_steps": 12})
    docs = DocBin().from_disk(tmp_path / "entities.spacy")
    docs = list(docs.get_docs(spacy.blank("en").vocab))
    unknown = [spacy.blank("en").make_doc(doc.text) for doc in docs[1::2]]
    DocBin(docs=[docs[0], *docs[::2], *unknown]).to_disk(tmp_path / "entities.spacy")
    few = {"training.batcher.size": 1, "training.dev_corpus": "corpora.train"}
    both = pair(run_rank, config, tmp_path / "two", few, {})
    run_ours(config, tmp_path / "one", {**few, "training.accumulate_gradient": 2})
    assert both[0][0].n_steps == 13
    expected = vectors(tmp_path / "one")
    np.testing.assert_allclose(vectors(tmp_path / "two"), expected, atol=1e-4)


def test_stopped_and_resumed_on_two_ranks(tmp_path, make_config, pair):
    """With dropout, so the random numbers of each rank count."""
    config = make_config(settings={"training.max_steps": 16})
    pair(run_rank, config, tmp_path / "whole", {}, {})
    stop = (1, signal.SIGTERM, 6)
    both = pair(run_rank, config, tmp_path / "two", {}, {}, stop)
    assert [result[0] for result in both] == [loop.Outcome(6, True)] * 2
    pair(run_rank, config, tmp_path / "two", {}, {"resume": True})
    same_pipelines(tmp_path / "two", tmp_path / "whole")


@pytest.mark.parametrize("first", ["one", long("two")])
def test_resumed_on_another_number_of_ranks(tmp_path, plain, pair, first):
    twice, half = {"training.accumulate_gradient": 2}, {"training.max_steps": 10}
    constant = {"training.optimizer.learn_rate": 0.001}
    config = plain("entities", **{"training.max_steps": 20, **constant})
    run_ours(config, tmp_path / "whole", twice)
    resume = {"resume": True}
    if first == "one":
        run_ours(config, tmp_path / "out", half)
        pair(run_rank, config, tmp_path / "out", {}, resume)
    else:
        pair(run_rank, config, tmp_path / "out", half, {})
        run_ours(config, tmp_path / "out", resume=True)
    expected = vectors(tmp_path / "whole")
    np.testing.assert_allclose(vectors(tmp_path / "out"), expected, atol=1e-3)
    assert progress(tmp_path / "out")["n_steps"] == 21


@pytest.mark.parametrize("rank", [1, long(0)])
def test_an_error_ends_all_ranks(tmp_path, make_config, pair, rank):
    config = make_config(settings={"training.max_steps": 16})
    error = (rank, TrainingError("not finite"), 6)
    both = pair(run_rank, config, tmp_path / "two", {}, {}, error)
    assert type(both[rank]) is TrainingError
    assert type(both[1 - rank]) is OtherRankError
    assert "not finite" in str(both[1 - rank])


@pytest.mark.parametrize("rank", [1, long(0)])
def test_a_killed_rank_leaves_none_waiting(tmp_path, make_config, rank):
    config = make_config(settings={"training.max_steps": 16})
    pair = RankPair()
    both = pair(run_rank, config, tmp_path / "two", {}, {}, (rank, signal.SIGKILL, 6))
    assert type(both[1 - rank]) is OtherRankError
    assert "connection to another rank is lost" in str(both[1 - rank])
    pair.close()
    # What was saved is whole.
    outcome, _ = run_ours(config, tmp_path / "two", resume=True)
    assert outcome.n_steps == 17


def test_ranks_need_a_seed(tmp_path, make_config, pair):
    config = make_config(settings={"training.max_steps": 2})
    both = pair(run_rank, config, tmp_path / "two", {"training.seed": None}, {})
    for error in both:
        assert isinstance(error, TrainingError) and "[training] seed" in str(error)
    assert not files_of(tmp_path / "two")
