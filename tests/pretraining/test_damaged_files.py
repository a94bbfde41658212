"""Files of a run or an index that are damaged: the message names the file."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from spacy_bert.corpus.documents import CorpusConfig
from spacy_bert.corpus.index.building import open_index
from spacy_bert.corpus.index.files import load_index
from spacy_bert.corpus.index.fingerprint import plan_index
from spacy_bert.pretraining import pretrain
from spacy_bert.pretraining.report import write_report
from spacy_bert.tokenization import WordPiece

DEEP = "[" * 100_000 + "]" * 100_000


def quiet(text: str) -> None:
    pass


@pytest.fixture
def make_small(make_config):
    def make(max_steps):
        small = {"max_steps": max_steps, "eval_every": 2, "n_eval_instances": 4}
        return make_config(pretraining=small, model={"n_layers": 1})

    return make


@pytest.fixture
def config(make_small):
    return make_small(2)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A folder of a run, which the tests share."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture
def run(kept, config, tmp_path):
    """A run of two steps."""
    if not (kept / "out").exists():
        pretrain(config, kept / "out", write=quiet)
    shutil.copytree(kept / "out", tmp_path / "out")
    return tmp_path / "out"


def change(path, key, value):
    """ "cursor.position" -> that of the object in the file; "" -> all of it."""
    values = json.loads(path.read_text())
    *outer, last = key.split(".")
    target = values
    for name in outer:
        target = target[name]
    if value is KeyError:
        del target[last]
    elif key:
        target[last] = value
    else:
        values = value
    path.write_text(json.dumps(values))


STATES = [
    ("", []),
    ("", None),
    ("step", KeyError),
    ("step", "2"),
    ("step", None),
    ("step", -1),
    ("step", 10**30),
    ("seconds", "1"),
    ("seconds", float("nan")),
    ("n_epochs", None),
    ("n_epochs", -1.0),
    ("progress", 2.0),
    ("progress", "all"),
    ("best_loss", "low"),
    ("best_loss", float("nan")),
    ("mean_loss", float("nan")),
    ("mean_loss", float("inf")),
    ("mean_loss", -1e9),
    ("cursor", "here"),
    ("cursor", None),
    ("cursor.epoch", 10**30),
    ("cursor.epoch", -1),
    ("cursor.phase", 7),
    ("cursor.block", 10**9),
    ("cursor.position", 10**9),
    ("cursor.position", 1.5),
    ("cursor.position", "8"),
    ("files", None),
    ("files", [1]),
    ("files", KeyError),
    ("config", []),
    ("config", KeyError),
    ("config.pretraining", []),
    ("config.corpus", 5),
    ("config.corpus.sources", 5),
    ("config.corpus.sources", [[1]]),
    ("config.corpus.sources", [None]),
]


@pytest.mark.parametrize("key, value", STATES)
def test_a_damaged_state(config, run, key, value):
    file = run / "model-last" / "training_state.json"
    change(file, key, value)
    with pytest.raises(ValueError, match="damaged .*--overwrite"):
        pretrain(config, run, resume=True, write=quiet)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", DEEP.encode(), b"\0" * 99])
@pytest.mark.parametrize(
    "name", ["model-last/training_state.json", "log.jsonl", "fills.jsonl"]
)
def test_bytes_that_are_no_json(config, make_small, run, name, data):
    (run / name).write_bytes(data)
    if name.endswith(".jsonl") and data in (b"", b"{", b"\0" * 99):
        # As if the power had failed: rows are lost, and nothing else.
        state = pretrain(make_small(3), run, resume=True, write=quiet)
        assert state.step == 3
        assert len((run / name).read_text().splitlines()) == 1
        return
    with pytest.raises(ValueError, match=rf"{name}.* (damaged|is not what a run)"):
        pretrain(config, run, resume=True, write=quiet)


ROWS = [
    ("log.jsonl", "step", "two"),
    ("log.jsonl", "step", None),
    ("log.jsonl", "n_pieces", KeyError),
    ("log.jsonl", "seconds", "1"),
    ("log.jsonl", "notes", [5]),
    ("log.jsonl", "held_out_mlm_loss", "low"),
    ("log.jsonl", "held_out_unigram_loss", KeyError),
    ("log.jsonl", "machine", "fast"),
    ("log.jsonl", "machine.name", 5),
    ("fills.jsonl", "fills", None),
    ("fills.jsonl", "fills", [{"text": "a"}]),
    ("fills.jsonl", "step", -1),
]


@pytest.mark.parametrize("name, key, value", ROWS)
def test_a_row_of_something_else(config, run, name, key, value):
    file = run / name
    first, *rest = file.read_text().splitlines(keepends=True)
    file.write_text(first)
    change(file, key, value)
    damaged = file.read_text() + "\n" + "".join(rest)
    file.write_text(damaged)
    for act in (
        lambda: pretrain(config, run, resume=True, write=quiet),
        lambda: write_report(run),
    ):
        with pytest.raises(ValueError, match=f"{name}, line 1 is not what a run"):
            act()
    assert file.read_text() == damaged


def narrow(tensors):
    name = next(name for name in tensors if name.startswith("exp_avg.encoder.layers"))
    tensors[name] = tensors[name][:1].clone()


def lose(tensors):
    del tensors["exp_avg.nsp.bias"]


def lose_a_parameter(tensors):
    for moment in ("exp_avg", "exp_avg_sq", "step"):
        del tensors[f"{moment}.nsp.bias"]


def add(tensors):
    tensors["exp_avg.other.bias"] = torch.zeros(3)


def widen_steps(tensors):
    tensors["step.nsp.bias"] = torch.zeros(2)


@pytest.mark.parametrize("damage", [narrow, lose, lose_a_parameter, add, widen_steps])
def test_optimizer_state_of_another_model(config, run, damage):
    """The optimizer would read past the end of a tensor that is too small."""
    (file,) = (run / "model-last" / "training_state").iterdir()
    tensors = load_file(file)
    damage(tensors)
    save_file(tensors, file)
    with pytest.raises(ValueError, match="training_state is damaged .*--overwrite"):
        pretrain(config, run, resume=True, write=quiet)


META = [
    ("", []),
    ("", None),
    ("splits", []),
    ("splits", None),
    ("splits.train", 5),
    ("splits.train.n_pieces", -1),
    ("splits.train.n_pieces", "many"),
    ("splits.train.n_documents", 10**30),
    ("splits.train.checksums", {}),
    ("splits.held_out.checksums", {"pieces.bin": "a"}),
    ("fingerprint", None),
    ("fingerprint", []),
    ("fingerprint", KeyError),
    ("unknown_ratio", KeyError),
    ("unknown_ratio", "none"),
    ("piece_dtype", "object"),
    ("offset_dtype", 5),
    ("has_words", "no"),
]


@pytest.fixture
def plan(corpus_path, vocab_path):
    return plan_index(
        CorpusConfig(path=str(corpus_path), held_out_ratio=0.1),
        tokenizer=WordPiece.from_file(vocab_path),
        splitter=None,
    )


def check_damaged(path, plan):
    with pytest.raises(ValueError, match="The index cannot be read: .*index"):
        load_index(path)
    said = []
    index = open_index(path, plan, write=said.append)
    assert said[0].startswith("Indexing the corpus: ") and index.train.n_documents > 2
    said.clear()
    open_index(path, plan, write=said.append)
    assert said == []


@pytest.mark.parametrize("key, value", META)
def test_a_damaged_index_is_built_again(tmp_path, plan, key, value):
    open_index(tmp_path / "index", plan, write=quiet)
    change(tmp_path / "index" / "meta.json", key, value)
    check_damaged(tmp_path / "index", plan)


@pytest.mark.parametrize(
    "name", ["meta.json", "train/pieces.bin", "held_out/sentences.bin"]
)
@pytest.mark.parametrize("data", [None, b"", DEEP.encode(), b"\xff\xfe"])
def test_a_file_of_the_index_is_built_again(tmp_path, plan, name, data):
    open_index(tmp_path / "index", plan, write=quiet)
    file = tmp_path / "index" / name
    # As long as it was, if no bytes are given.
    file.write_bytes(bytes(file.stat().st_size) if data is None else data)
    check_damaged(tmp_path / "index", plan)


@pytest.mark.parametrize("sources", [5, None, [[1]], [5], {"a": 1}])
def test_a_damaged_record_of_the_corpus_is_a_change(tmp_path, plan, sources):
    open_index(tmp_path / "index", plan, write=quiet)
    change(tmp_path / "index" / "meta.json", "fingerprint.sources", sources)
    said = []
    open_index(tmp_path / "index", plan, write=said.append)
    assert "what is known of its corpus is damaged" in said[0]
