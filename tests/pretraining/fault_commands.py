"""The commands that `fault_walk.py` breaks off: what they start from and end with."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import spacy
from same_run import fills, log_rows, weights
from spacy.tokens import DocBin
from toy_corpus import PIECES, make_documents

from spacy_bert.checkpoint.loading import load_pretraining_model
from spacy_bert.checkpoint.saving import save_checkpoint
from spacy_bert.cli.convert import convert_cli
from spacy_bert.cli.export import export_cli
from spacy_bert.cli.quantize import quantize_cli
from spacy_bert.corpus import documents as corpus_module
from spacy_bert.corpus.documents import CorpusConfig
from spacy_bert.corpus.vocabulary import VocabularyConfig, learn_vocabulary
from spacy_bert.model import BertConfig, BertForPretraining
from spacy_bert.pipeline.from_checkpoint import add_encoder
from spacy_bert.pretraining import PretrainingConfig, pretrain
from spacy_bert.pretraining.training.state import read_state
from spacy_bert.tokenization import WordPiece


@dataclass(frozen=True, kw_only=True)
class Command:
    """prepare: make what it starts from. run: the command, the same each time. read:
    what must be the same in the end. is_whole: whether its output is, at any time."""

    prepare: Callable[[Path], None]
    run: Callable[[Path], Any]
    read: Callable[[Path], Any]
    is_whole: Callable[[Path], bool]


# Several shards.
corpus_module.SHARD_BYTES = 6000


def make_corpus(folder: Path) -> None:
    (folder / "corpus.txt").write_text(make_documents(120))
    (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece in PIECES))


def start_run(folder: Path, *, overwrite: bool = False, seed: int = 0) -> None:
    config = PretrainingConfig.from_dict(
        {
            "corpus": {
                "path": str(folder / "corpus.txt"),
                "sentences": "lines",
                "held_out_ratio": 0.1,
            },
            "vocabulary": {"path": str(folder / "vocab.txt")},
            "model": {
                "hidden_width": 8,
                "n_layers": 1,
                "n_heads": 2,
                "intermediate_width": 16,
                "max_positions": 32,
            },
            "pretraining": {
                "seed": seed,
                "max_steps": 4,
                "batch_size": 4,
                "max_length": 32,
                "learn_rate": 1e-2,
                "eval_every": 2,
                "n_eval_instances": 4,
                "log_every": 1,
                "save_every": 2,
            },
        }
    )
    pretrain(config, folder / "out", resume=True, overwrite=overwrite, write=str)


def make_earlier_run(folder: Path) -> None:
    make_corpus(folder)
    start_run(folder, seed=1)


def read_run(folder: Path) -> Any:
    out = folder / "out"
    tensors = {name: tensor.tolist() for name, tensor in weights(out).items()}
    best = (out / "model-best" / "model.safetensors").read_bytes()
    state, settings = read_state(out / "model-last")
    settings["corpus"].pop("sources")
    return tensors, best, state, settings, log_rows(out), fills(out)


def has_whole_run(folder: Path) -> bool:
    for name in ("model-last", "model-best"):
        if (folder / "out" / name).exists():
            load_pretraining_model(folder / "out" / name)
    return True


def learn(folder: Path) -> None:
    learn_vocabulary(
        CorpusConfig(path=str(folder / "corpus.txt")),
        VocabularyConfig(path=str(folder / "vocab.txt"), size=60),
        force=True,
    )


def is_vocabulary(folder: Path) -> bool:
    return len(WordPiece.from_file(folder / "vocab.txt").pieces) >= len(PIECES)


def make_pairs(folder: Path) -> None:
    rows = [{"sentence1": f"a {i}", "sentence2": "b", "label": "x"} for i in range(9)]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "pairs.jsonl").write_text(text)
    DocBin(docs=[spacy.blank("xx")("earlier")]).to_disk(folder / "out.spacy")


def convert(folder: Path) -> None:
    convert_cli(
        folder / "pairs.jsonl",
        folder / "out.spacy",
        format="pairs",
        lang="en",
        skip_misplaced=False,
        first="sentence1",
        second="sentence2",
        label="label",
        score="",
        skip_label=[],
        force=True,
    )


def read_docs(folder: Path) -> list[str]:
    docs = DocBin().from_disk(folder / "out.spacy").get_docs(spacy.blank("xx").vocab)
    return [doc.text for doc in docs]


def make_pipeline(folder: Path) -> None:
    save_pipeline(folder)
    quantize_cli(str(folder / "pipeline"), folder / "out", force=False)


def save_pipeline(folder: Path) -> None:
    config = BertConfig(vocab_size=len(PIECES), hidden_width=8, n_layers=1, n_heads=2)
    model = BertForPretraining(config)
    model.initialize_weights()
    save_checkpoint(folder / "bert", model, WordPiece(PIECES))
    nlp = spacy.blank("xx")
    add_encoder(nlp, folder / "bert")
    nlp.to_disk(folder / "pipeline")


def export(folder: Path) -> None:
    export_cli(
        str(folder / "pipeline"),
        folder / "out",
        format="transformers",
        precision="",
        component="",
        force=True,
    )


def make_export(folder: Path) -> None:
    save_pipeline(folder)
    export(folder)


def read_export(folder: Path) -> list:
    model, _ = load_pretraining_model(folder / "out")
    return [parameter.tolist() for parameter in model.parameters()]


def read_vectors(folder: Path) -> list:
    return spacy.load(folder / "out")("the cat sat").tensor.tolist()


COMMANDS = {
    "pretrain": Command(
        prepare=make_corpus, run=start_run, read=read_run, is_whole=has_whole_run
    ),
    "overwrite": Command(
        prepare=make_earlier_run,
        run=lambda folder: start_run(folder, overwrite=True),
        read=read_run,
        is_whole=has_whole_run,
    ),
    "vocab": Command(
        prepare=make_corpus,
        run=learn,
        read=lambda folder: (folder / "vocab.txt").read_text(),
        is_whole=is_vocabulary,
    ),
    "convert": Command(
        prepare=make_pairs,
        run=convert,
        read=read_docs,
        is_whole=lambda folder: len(read_docs(folder)) in (1, 9),
    ),
    "quantize": Command(
        prepare=make_pipeline,
        run=lambda f: quantize_cli(str(f / "pipeline"), f / "out", force=True),
        read=read_vectors,
        is_whole=lambda folder: bool(read_vectors(folder)),
    ),
    "export": Command(
        prepare=make_export,
        run=export,
        read=read_export,
        is_whole=lambda folder: bool(read_export(folder)),
    ),
}
