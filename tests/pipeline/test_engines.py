"""ONNX Runtime predicts what torch does, and trains nothing."""

import copy
import logging
import multiprocessing
import os
import pickle
import threading

import numpy as np
import pytest
import spacy
import torch
from heads import add_head
from spacy.training import Example

from spacy_bert import add_encoder
from spacy_bert.pipeline.encoding import get_shim
from spacy_bert.pipeline.engines import onnx_runtime

TEXTS = [
    "the cat sat on the river bank",
    "the dog ran",
    "",
    "unaffable money . " * 20,
    "money",
    "a cat\x1ea river bank",
]


def make_nlp(checkpoint, **settings):
    nlp = spacy.blank("xx")
    encoder = {"engine": "onnxruntime", "pair_separator": "\x1e", **settings}
    add_encoder(nlp, checkpoint, **encoder)
    return nlp


@pytest.fixture(autouse=True)
def skip_if_all_have_one_engine(request):
    if request.config.getoption("--engine") != "torch":
        pytest.skip("compares two engines")


@pytest.fixture
def fast(checkpoint):
    return make_nlp(checkpoint)


def vectors(nlp, texts=TEXTS):
    """The vectors of tokens and [CLS], end to end."""
    docs = list(nlp.pipe(texts))
    found = [doc.tensor for doc in docs] + [doc._.bert_cls for doc in docs]
    return np.concatenate([array.ravel() for array in found])


def encoder_shim(nlp):
    return get_shim(nlp.get_pipe("bert_encoder").model)


def count_runs(monkeypatch):
    runs, method = [], onnx_runtime._make_session

    class Counting:
        def __init__(self, session):
            self.session = session

        def run(self, names, inputs):
            runs.append(inputs["input_ids"].shape)
            return self.session.run(names, inputs)

    monkeypatch.setattr(
        onnx_runtime, "_make_session", lambda *args: Counting(method(*args))
    )
    return runs


@pytest.mark.parametrize(
    "settings",
    [{}, {"layers": [0, 1]}, {"layers": [1, 2], "combine": "concat"}],
)
def test_the_vectors_are_those_of_torch(checkpoint, settings, monkeypatch):
    runs = count_runs(monkeypatch)
    fast = vectors(make_nlp(checkpoint, **settings))
    assert runs
    expected = vectors(make_nlp(checkpoint, engine="torch", **settings))
    np.testing.assert_allclose(fast, expected, atol=1e-5)


def test_8_bits(checkpoint, monkeypatch):
    runs = count_runs(monkeypatch)
    fast = vectors(make_nlp(checkpoint, precision="int8"))
    assert runs
    expected = vectors(make_nlp(checkpoint, engine="torch", precision="int8"))
    # What lies on the border between two bytes is rounded either way.
    assert np.abs(fast - expected).mean() < 0.01 * np.abs(expected).mean()


def test_equal_lengths_are_one_call_and_nothing_is_padded(checkpoint, monkeypatch):
    runs = count_runs(monkeypatch)
    lengths = [7, 7, 4, 7]
    texts = [" ".join(["bank"] * (length - 2)) for length in lengths]
    fast = vectors(make_nlp(checkpoint), texts)
    assert sorted(runs) == [(1, 4), (3, 7)]
    expected = vectors(make_nlp(checkpoint, engine="torch"), texts)
    np.testing.assert_allclose(fast, expected, atol=1e-5)


def test_an_update_is_seen(fast, checkpoint, monkeypatch):
    runs = count_runs(monkeypatch)
    before = vectors(fast)
    head = add_head(fast, "textcat")
    for label in ("A", "B"):
        head.add_label(label)
    example = Example.from_dict(fast.make_doc(TEXTS[0]), {"cats": {"A": 1, "B": 0}})
    optimizer = fast.initialize(lambda: [example])
    fast.update([example], sgd=optimizer)
    n_runs = len(runs)
    after = vectors(fast)
    assert np.abs(after - before).max() > 1e-3
    # torch's own.
    assert len(runs) == n_runs
    slow = make_nlp(checkpoint, engine="torch")
    slow.get_pipe("bert_encoder").from_bytes(fast.get_pipe("bert_encoder").to_bytes())
    np.testing.assert_array_equal(vectors(slow), after)


def test_a_weight_that_is_changed_by_hand_is_seen(fast):
    before = vectors(fast)
    with torch.no_grad():
        encoder_shim(fast).encoder.layers[0].output.weight.mul_(2.0)
    assert np.abs(vectors(fast) - before).max() > 1e-3


def test_averages_are_seen_and_gone_again(fast):
    before, shim = vectors(fast), encoder_shim(fast)
    name = "layers.0.output_norm.weight"
    average = np.linspace(0.0, 1.0, 16, dtype=np.float32)
    with fast.use_params({(shim.id, name): average}):
        assert np.abs(vectors(fast) - before).max() > 1e-3
    np.testing.assert_allclose(vectors(fast), before, atol=1e-5)


def test_what_is_loaded_again_has_a_new_graph(fast, tmp_path, monkeypatch):
    vectors(fast)
    with torch.no_grad():
        encoder_shim(fast).encoder.layers[0].output.weight.mul_(2.0)
    changed = vectors(fast)
    fast.to_disk(tmp_path / "nlp")
    runs = count_runs(monkeypatch)
    for again in (spacy.load(tmp_path / "nlp"), fast.from_disk(tmp_path / "nlp")):
        del runs[:]
        np.testing.assert_allclose(vectors(again), changed, atol=1e-5)
        assert runs


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_copies(fast, copied, monkeypatch):
    expected, runs = vectors(fast), count_runs(monkeypatch)
    again = copied(fast)
    np.testing.assert_array_equal(vectors(again), expected)
    assert runs


def test_bytes_and_config_keep_the_engine(fast):
    again = spacy.blank("xx").from_config(fast.config)
    again.from_bytes(fast.to_bytes())
    assert encoder_shim(again).engine == "onnxruntime"
    np.testing.assert_array_equal(vectors(again), vectors(fast))


def test_threads_share_a_graph(fast, monkeypatch):
    made, method = [], onnx_runtime._make_session
    monkeypatch.setattr(
        onnx_runtime,
        "_make_session",
        lambda *args: made.append(args) or method(*args),
    )
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(vectors(fast))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4 and len(made) == 1
    for found in results:
        np.testing.assert_array_equal(found, results[0])


def test_a_child_of_a_process_that_was_making_the_graph(fast, monkeypatch):
    """The thread that held the lock is not there."""
    engine, parent = encoder_shim(fast)._engine, os.getpid()
    engine._lock.acquire()
    monkeypatch.setattr(os, "getpid", lambda: parent + 1)
    results = []
    thread = threading.Thread(target=lambda: results.append(vectors(fast)), daemon=True)
    thread.start()
    thread.join(timeout=30)
    assert results and engine._graph is not None


def put_vectors(nlp, queue):
    queue.put(vectors(nlp))


def test_workers(fast):
    expected = list(fast.pipe(TEXTS))
    together = fast.pipe(TEXTS, n_process=2, batch_size=3)
    for one, other in zip(expected, together, strict=True):
        np.testing.assert_allclose(one.tensor, other.tensor, atol=1e-6)


def test_a_process_that_is_spawned(fast):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=put_vectors, args=(fast, queue))
    process.start()
    np.testing.assert_allclose(queue.get(timeout=60), vectors(fast), atol=1e-6)
    process.join()


def test_without_the_library_torch_predicts(checkpoint, monkeypatch, caplog):
    expected = vectors(make_nlp(checkpoint, engine="torch"))
    monkeypatch.setattr("spacy_bert.pipeline.engines.find_spec", lambda name: None)
    fast = make_nlp(checkpoint)
    with caplog.at_level(logging.WARNING, logger="spacy"):
        np.testing.assert_array_equal(vectors(fast), expected)
        vectors(fast)
    messages = [
        r.getMessage() for r in caplog.records if "onnxruntime" in r.getMessage()
    ]
    assert len(messages) == 1 and "spacy-bert[onnx]" in messages[0]


def test_an_unknown_engine_is_refused(checkpoint):
    with pytest.raises(ValueError, match="engine.*torch, onnxruntime.*'tensorrt'"):
        make_nlp(checkpoint, engine="tensorrt")
