"""However the index is built, it is the same: in one go, by processes, in pieces."""

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_corpus import split_into_pairs

from spacy_bert.corpus import documents as corpus_module
from spacy_bert.corpus.documents import CorpusConfig, Splitter
from spacy_bert.corpus.index.building import build_shards, open_index
from spacy_bert.corpus.index.fingerprint import plan_index
from spacy_bert.corpus.index.tokenized import starts_of_words
from spacy_bert.tokenization import WordPiece

HERE = Path(__file__).parent

KILLED_BUILD = """
import os, signal, sys
from pathlib import Path
from spacy_bert.corpus.index import workers
from spacy_bert.corpus import documents
from test_shards import make_plan, open_index

documents.SHARD_BYTES = 2000
built = []
build_shard = workers.build_shard

def build_and_die(path, plan, on_read):
    if len(built) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    built.append(build_shard(path, plan, on_read))

workers.build_shard = build_and_die
open_index(Path(sys.argv[1], "index"), make_plan(sys.argv[2], sys.argv[3]))
"""


def make_plan(corpus_path, vocab_path, *, deadly=False):
    return plan_index(
        CorpusConfig(path=str(corpus_path), held_out_ratio=0.1),
        tokenizer=WordPiece.from_file(Path(vocab_path)),
        splitter=Splitter(
            name="pairs",
            split=partial(split_into_pairs, deadly=deadly),
            finds_words=True,
        ),
    )


@pytest.fixture
def plan(corpus_path, vocab_path, whole, monkeypatch):
    """8 shards of 2,000 bytes."""
    monkeypatch.setattr(corpus_module, "SHARD_BYTES", 2000)
    plan = make_plan(corpus_path, vocab_path)
    assert len(plan.shards()) == 8
    return plan


@pytest.fixture
def whole(tmp_path, corpus_path, vocab_path):
    """The files of the index that is built as one shard."""
    plan = make_plan(corpus_path, vocab_path)
    assert len(plan.shards()) == 1
    open_index(tmp_path / "whole" / "index", plan)
    return read_files(tmp_path / "whole")


def read_files(folder):
    assert [path.name for path in folder.iterdir()] == ["index"]
    files = {path.relative_to(folder): path for path in folder.rglob("*.bin")}
    assert len(files) == 8
    return {name: path.read_bytes() for name, path in files.items()}


@pytest.mark.parametrize("n_process", [1, 2])
def test_shards_and_processes_change_nothing(tmp_path, plan, whole, n_process):
    open_index(tmp_path / "out" / "index", plan, n_process=n_process)
    assert read_files(tmp_path / "out") == whole


def test_machines_build_their_shards_each(tmp_path, plan, whole):
    said = []
    path = tmp_path / "out" / "index"
    for number in (1, 3):
        build_shards(path, plan, machine=(number, 3), write=said.append)
    assert not path.exists()
    open_index(path, plan, write=said.append)
    assert "8 shards, missing: 0002, 0005, 0008" in "\n".join(said)
    assert read_files(tmp_path / "out") == whole


def test_a_killed_build_goes_on(tmp_path, plan, whole, corpus_path, vocab_path):
    arguments = [tmp_path / "out", corpus_path, vocab_path]
    process = subprocess.run(
        [sys.executable, "-c", KILLED_BUILD, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parent)])},
    )
    assert process.returncode == -signal.SIGKILL
    said = []
    open_index(tmp_path / "out" / "index", plan, write=said.append)
    assert "missing: 0003, 0004, 0005, 0006, 0007, 0008" in "\n".join(said)
    assert read_files(tmp_path / "out") == whole


def test_a_damaged_shard_is_built_again(tmp_path, plan, whole):
    path = tmp_path / "out" / "index"
    build_shards(path, plan)
    os.truncate(tmp_path / "out" / "index.shards" / "0004" / "train" / "words.bin", 1)
    said = []
    open_index(path, plan, write=said.append)
    assert "missing: 0004" in "\n".join(said)
    assert read_files(tmp_path / "out") == whole


def test_a_killed_process_is_named(tmp_path, plan, corpus_path, vocab_path):
    plan = make_plan(corpus_path, vocab_path, deadly=True)
    with pytest.raises(OSError, match="was killed.*smaller --n-process"):
        open_index(tmp_path / "index", plan, n_process=2)


def test_words_come_back(tmp_path, plan):
    """Every piece of the toy corpus is a word, so each one begins one."""
    index = open_index(tmp_path / "index", plan)
    for split in (index.train, index.held_out):
        bits = np.unpackbits(split.word_starts, bitorder="little")[: split.n_pieces]
        assert bits.all() and split.n_pieces % 8


def test_words_by_hand():
    chinese = [0, 1, 2, 3, 4]
    # One character a piece, words of 1, 2 and 2 characters.
    starts = starts_of_words(np.array(chinese, np.int32), [0, 1, 3])
    assert starts.tolist() == [True, True, False, True, False]
    # "un ##aff ##able cats": pieces from 0, 2, 5 and 9, words from 0 and 9.
    starts = starts_of_words(np.array([0, 2, 5, 9], np.int32), [0, 9])
    assert starts.tolist() == [True, False, False, True]
    # The first piece begins a word, even if it lies inside of one.
    assert starts_of_words(np.array([3, 4], np.int32), [0]).tolist() == [True, False]


@given(st.data())
def test_words_by_brute_force(data):
    positions = st.lists(st.integers(0, 30), min_size=1, max_size=12, unique=True)
    pieces, words = sorted(data.draw(positions)), sorted(data.draw(positions))
    word_of = [max((w for w in words if w <= piece), default=-1) for piece in pieces]
    expected = [i == 0 or word_of[i] != word_of[i - 1] for i in range(len(pieces))]
    assert starts_of_words(np.array(pieces, np.int32), words).tolist() == expected
