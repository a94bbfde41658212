"""Memory, start-up and growth: what is measured in processes of their own."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

from ..measuring import interleaved
from ..store import Row, Settings, Store
from .systems import PIPELINES, TRAINABLE, ours, through_pipe
from .texts import read_texts

_ROWS = {"predict": "prediction", "train": "training"}

_LENGTHS = (20_000, 200_000)


def memory(store: Store, data: Path, work: Path, settings: Settings) -> None:
    """Peak MB of a whole process, and MB that one long Doc adds."""
    for row, systems in (("predict", PIPELINES), ("train", TRAINABLE)):
        for name in systems:
            measure = partial(_child, row, name, data)
            store.once("memory", _ROWS[row], name, {}, measure)
    for n_tokens in _LENGTHS:
        add = partial(_long_doc, data, n_tokens)
        store.row_once("memory", f"one Doc of {n_tokens:,} tokens", {}, add)


def _long_doc(data: Path, n_tokens: int) -> Row:
    found = _child("long", "ours", data, n_tokens)
    added, vectors = (found[f"{what} MB"] for what in ("grown", "vectors"))
    return {"ours": {"MB added": added}, "its vectors": {"MB added": vectors}}


def startup(store: Store, data: Path, work: Path, settings: Settings) -> None:
    """Seconds from a new process to the first prediction of a saved pipeline."""
    measure = partial(_startup, work, **settings)
    store.row_once("startup", "a saved pipeline", settings, measure)


def _startup(work: Path, *, n_rounds: int) -> Row:
    folders = {name: work / f"saved {name}" for name in PIPELINES}
    for name, folder in folders.items():
        if not folder.exists():
            _child("save", name, folder)
    runs = {name: partial(_child, "start", name, f) for name, f in folders.items()}
    return {
        name: {
            "seconds to the first prediction": seconds,
            "MB on disk": _size(folders[name]) / 1e6,
        }
        for name, seconds in interleaved(runs, n_rounds=n_rounds).items()
    }


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def growth(store: Store, data: Path, work: Path, settings: Settings) -> None:
    """Microseconds a token, as there are more sentences and as Docs get longer."""
    texts = read_texts(data)
    sentences, words = texts["sentences"], " ".join(texts["articles"]).split()
    words = (words * 10)[:100_000]
    kinds = {f"{n:,} sentences": (sentences * 10)[:n] for n in (76, 760, 7_600)}
    for n_words in (100, 1_000, 10_000, 100_000):
        # Fewer short Docs, so that all take a similar time.
        total = max(20_000, n_words)
        kinds[f"Docs of {n_words:,} words"] = [
            " ".join(words[i : i + n_words]) for i in range(0, total, n_words)
        ]
    # One measurement gives all rows.
    measure = cache(partial(_growth, kinds, **settings))
    for name in kinds:
        store.row_once("growth", name, settings, partial(_one, measure, name))


def _one(measure: Callable[[], Row], name: str) -> Row:
    return {"ours": measure()[name]}


def _growth(kinds: Mapping[str, list[str]], *, n_rounds: int) -> Row:
    nlp = ours()
    run = through_pipe(nlp, nlp.batch_size)
    runs = {name: partial(run, texts) for name, texts in kinds.items()}
    seconds = interleaved(runs, n_rounds=n_rounds)
    n_tokens = {
        name: sum(len(nlp.make_doc(text)) for text in texts)
        for name, texts in kinds.items()
    }
    return {
        name: {"microseconds a token": 1e6 * seconds[name] / n_tokens[name]}
        for name in kinds
    }


def _child(task: str, system: str, *arguments: object) -> dict[str, Any]:
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.encoder.child", task]
    command += [system, *map(str, arguments)]
    finished = subprocess.run(command, check=True, capture_output=True, text=True)
    result: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    return result
