"""A config that trains on a toy corpus in seconds, and a split of an index."""

import copy
import os
import signal
from pathlib import Path
from random import Random

import pytest
import torch
from toy_corpus import PIECES, make_documents, make_split

from spacy_bert.checkpoint.saving import save_checkpoint
from spacy_bert.corpus.index.files import CorpusSplit
from spacy_bert.model import BertConfig, BertForPretraining
from spacy_bert.pretraining import PretrainingConfig
from spacy_bert.pretraining.training import loop
from spacy_bert.tokenization import WordPiece


@pytest.fixture
def vocab_path(tmp_path: Path) -> Path:
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join(PIECES) + "\n", encoding="utf8")
    return path


@pytest.fixture
def corpus_path(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.txt"
    path.write_text(make_documents(120), encoding="utf8")
    return path


@pytest.fixture
def pieces() -> WordPiece:
    return WordPiece(PIECES)


@pytest.fixture
def bert_path(tmp_path: Path, pieces: WordPiece) -> Path:
    """A toy checkpoint with all heads, no weight of which is that of a new one."""
    config = BertConfig(vocab_size=29, hidden_width=8, n_layers=1, n_heads=2)
    model = BertForPretraining(config)
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3, generator=generator)
    save_checkpoint(tmp_path / "bert", model, pieces)
    return tmp_path / "bert"


@pytest.fixture
def settings(vocab_path: Path, corpus_path: Path) -> dict:
    """A config as it comes from a file. Dropout is on: resuming must survive it."""
    return {
        "corpus": {
            "path": str(corpus_path),
            "sentences": "lines",
            "held_out_ratio": 0.1,
        },
        "vocabulary": {"path": str(vocab_path)},
        "model": {
            "hidden_width": 16,
            "n_layers": 2,
            "n_heads": 2,
            "intermediate_width": 32,
            "max_positions": 32,
        },
        "pretraining": {
            "max_steps": 6,
            "batch_size": 8,
            "max_length": 32,
            "learn_rate": 1e-2,
            "warmup_ratio": 0.3,
            "eval_every": 3,
            "n_eval_instances": 16,
            "log_every": 2,
            "save_every": 2,
        },
    }


@pytest.fixture
def make_config(settings: dict):
    """make_config(pretraining={"max_steps": 3}) -> the config with that changed."""

    def make(**sections: dict) -> PretrainingConfig:
        values = copy.deepcopy(settings)
        for section, changes in sections.items():
            values.setdefault(section, {}).update(changes)
        return PretrainingConfig.from_dict(values)

    return make


@pytest.fixture
def split() -> CorpusSplit:
    """300 documents of 1 to 12 sentences of 1 to 40 pieces."""
    random = Random(0)
    return make_split(
        [
            [random.randint(1, 40) for _ in range(random.randint(1, 12))]
            for _ in range(300)
        ]
    )


@pytest.fixture
def signal_in_step(monkeypatch):
    """signal_in_step(3, SIGTERM): it comes, once, when step 3 of a run is computed."""

    def arm(step: int, number: int = signal.SIGTERM) -> None:
        real, n_calls = loop.train_step, 0

        def signalled(*args, **kwargs):
            nonlocal n_calls
            n_calls += 1
            if n_calls == step:
                os.kill(os.getpid(), number)
            return real(*args, **kwargs)

        monkeypatch.setattr(loop, "train_step", signalled)

    return arm
