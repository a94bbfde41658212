"""Memory, start-up and growth: what is measured in processes of their own."""

import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

from ..measuring import interleaved
from ..store import Row
from .systems import PIPELINES, TRAINABLE, ours, through_pipe
from .texts import read_texts

_LENGTHS = (20_000, 200_000)


def memory(data: Path, work: Path, n_rounds: int) -> dict[str, Row]:
    """Peak MB of a whole process, and MB that one long Doc adds."""
    rows: dict[str, Row] = {
        "prediction": {name: _child("predict", name, data) for name in PIPELINES},
        "training": {name: _child("train", name, data) for name in TRAINABLE},
    }
    for n_tokens in _LENGTHS:
        found = _child("long", "ours", data, n_tokens)
        rows[f"one Doc of {n_tokens:,} tokens"] = {
            "ours": {"MB added": found["grown MB"]},
            "its vectors": {"MB added": found["vectors MB"]},
        }
    return rows


def startup(data: Path, work: Path, n_rounds: int) -> dict[str, Row]:
    """Seconds from a new process to the first prediction of a saved pipeline."""
    runs, row = {}, {}
    for name in PIPELINES:
        folder = work / f"saved {name}"
        if not folder.exists():
            _child("save", name, folder)
        runs[name] = partial(_child, "start", name, folder)
        size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
        row[name] = {"MB on disk": size / 1e6}
    for name, seconds in interleaved(runs, n_rounds=n_rounds).items():
        row[name]["seconds to the first prediction"] = seconds
    return {"a saved pipeline": row}


def growth(data: Path, work: Path, n_rounds: int) -> dict[str, Row]:
    """Microseconds a token, as there are more sentences and as Docs get longer."""
    nlp = ours()
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
    run = through_pipe(nlp, nlp.batch_size)
    runs = {name: partial(run, some) for name, some in kinds.items()}
    seconds = interleaved(runs, n_rounds=n_rounds)
    rows: dict[str, Row] = {}
    for name, some in kinds.items():
        n_tokens = sum(len(nlp.make_doc(text)) for text in some)
        rows[name] = {"ours": {"microseconds a token": 1e6 * seconds[name] / n_tokens}}
    return rows


def _child(task: str, system: str, *arguments: object) -> dict[str, Any]:
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.encoder.child", task]
    command += [system, *map(str, arguments)]
    finished = subprocess.run(command, check=True, capture_output=True, text=True)
    result: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    return result
