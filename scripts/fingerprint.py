"""A change that only moves or renames code leaves what this prints as it is.

    OMP_NUM_THREADS=1 python scripts/fingerprint.py > after.txt
    diff before.txt after.txt

Prints hashes of the data, of the weights, the optimizer state and the log of a small
seeded pretraining run, and of the same of a seeded `spacy train` from its checkpoint.
Names of keys and files are left out of the hashes. They differ between machines and
versions of torch, so compare two checkouts in one environment.
"""

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import spacy
from safetensors.numpy import load_file
from spacy.tokens import Doc, DocBin, Span
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from spacy.util import load_config
from thinc.api import Adam, Model, Optimizer

CONFIGS = Path(__file__).parents[1] / "configs"
ANIMALS = ("cat", "dog", "heron", "unaffable badger")
PLACES = ("river bank", "old mill", "city of glass", "harbour")
TIMED = re.compile("machine|second|mfu")
VERBS = ("saw", "followed", "was afraid of", "slept near")


def main() -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        _write_data(folder)
        _show("corpus and docs", [p.read_bytes() for p in sorted(folder.iterdir())])
        _pretrain(folder)
        last = folder / "bert" / "model-last"
        _show("pretraining: vocabulary", [(folder / "vocab.txt").read_bytes()])
        _show("pretraining: weights", _read_tensors(last.glob("*.safetensors")))
        _show("pretraining: optimizer", _read_tensors(last.glob("*/*.safetensors")))
        _show("pretraining: log", _log_numbers(folder / "bert" / "log.jsonl"))
        _train(folder)


def _write_data(folder: Path) -> None:
    rng = Random(0)
    documents = [
        "\n".join(_sentence(rng)[0] for _ in range(rng.randint(1, 9)))
        for _ in range(600)
    ]
    (folder / "corpus.txt").write_text("\n\n".join(documents) + "\n", encoding="utf8")
    nlp = spacy.blank("en")
    for split, n_docs in (("train", 120), ("dev", 30)):
        docs = [_annotate(nlp(" ".join(_sentence(rng))), rng) for _ in range(n_docs)]
        DocBin(docs=docs, store_user_data=True).to_disk(folder / f"{split}.spacy")


def _sentence(rng: Random) -> tuple[str, str]:
    first = f"The {rng.choice(ANIMALS)} {rng.choice(VERBS)} the {rng.choice(PLACES)}."
    return first, f"Then it rained for {rng.randint(2, 40)} days."


def _annotate(doc: Doc, rng: Random) -> Doc:
    """The animal is an entity and a span, the verb decides the category."""
    end = next(i for i, token in enumerate(doc) if token.text in (*ANIMALS, "badger"))
    doc.ents = [Span(doc, 1, end + 1, label="ANIMAL")]
    doc.spans["sc"] = list(doc.ents)
    is_calm = "slept" in doc.text
    doc.cats = {"calm": float(is_calm), "lively": float(not is_calm)}
    return doc


def _pretrain(folder: Path) -> None:
    command = [sys.executable, "-m", "spacy", "bert"]
    overrides = {
        "corpus.path": folder / "corpus.txt",
        "vocabulary.path": folder / "vocab.txt",
        "vocabulary.size": 200,
        "model.hidden_dropout_prob": 0.1,
        "pretraining.max_steps": 30,
        "pretraining.log_every": 5,
        "pretraining.eval_every": 10,
        "pretraining.save_every": 30,
    }
    options = [part for k, v in overrides.items() for part in (f"--{k}", str(v))]
    config = CONFIGS / "pretrain.cfg"
    runs: list[list[str | Path]] = [
        ["vocab", config],
        ["pretrain", config, folder / "bert"],
    ]
    for arguments in runs:
        subprocess.run([*command, *arguments, *options], check=True, stdout=sys.stderr)


def _log_numbers(path: Path) -> Iterator[bytes]:
    """What was logged, but for what the clock and the machine decide."""
    for line in path.read_text(encoding="utf8").splitlines():
        row = json.loads(line)
        yield json.dumps([v for k, v in row.items() if not TIMED.search(k)]).encode()


def _train(folder: Path) -> None:
    optimizers: list[Optimizer] = []
    rows: list[dict[str, Any]] = []

    @spacy.registry.optimizers("fingerprint")
    @wraps(Adam)
    def make_optimizer(**settings: Any) -> Optimizer:
        optimizers.append(Adam(**settings))
        return optimizers[0]

    @spacy.registry.loggers("fingerprint")
    def make_logger() -> Callable[..., Any]:
        return lambda nlp, stdout, stderr: (rows.append, lambda: None)

    config = load_config(CONFIGS / "train.cfg")
    config["paths"].update(
        train=str(folder / "train.spacy"),
        dev=str(folder / "dev.spacy"),
        checkpoint=str(folder / "bert" / "model-last"),
    )
    config["training"].update(
        max_steps=20, eval_frequency=10, logger={"@loggers": "fingerprint"}
    )
    config["training"]["optimizer"]["@optimizers"] = "fingerprint"
    nlp = init_nlp(config)
    train(nlp, stdout=sys.stderr)
    models = [node for _, p in nlp.pipeline for node in _find_models(p)]
    _show("training: weights", _sorted(w for model in models for w in _weights(model)))
    state = [optimizers[0].mom1, optimizers[0].mom2]
    _show("training: optimizer", _sorted(a for part in state for a in part.values()))
    _show("training: log", (_logged(row) for row in filter(None, rows)))


def _find_models(pipe: Any) -> Iterator[Model[Any, Any]]:
    if isinstance(getattr(pipe, "model", None), Model):
        yield from pipe.model.walk()


def _weights(model: Model[Any, Any]) -> Iterator[Any]:
    yield from (model.get_param(name) for name in model.param_names)
    for shim in model.shims:
        yield from (tensor.numpy() for tensor in shim._model.state_dict().values())


def _logged(row: dict[str, Any]) -> bytes:
    losses = [float(loss) for loss in row["losses"].values()]
    return json.dumps([row["step"], row["score"], *losses]).encode()


def _read_tensors(paths: Iterable[Path]) -> list[bytes]:
    return _sorted(a for path in paths for a in load_file(path).values())


def _sorted(arrays: Iterable[Any]) -> list[bytes]:
    """By their bytes, as their names may change."""
    return sorted(np.ascontiguousarray(array).tobytes() for array in arrays)


def _show(name: str, data: Iterable[bytes]) -> None:
    data = list(data)
    if not data:
        raise SystemExit(f"{name}: nothing was found, so there is nothing to compare.")
    digest = hashlib.sha256(b"".join(hashlib.sha256(d).digest() for d in data))
    print(f"{name}: {len(data)} parts, {digest.hexdigest()[:24]}", flush=True)


if __name__ == "__main__":
    main()
