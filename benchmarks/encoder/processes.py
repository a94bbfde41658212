"""Memory, start-up and growth: what is measured in processes of their own."""

import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

from .systems import PIPELINES, TRAINABLE, ours, through_pipe
from .texts import read_texts
from .timing import interleaved

_LENGTHS = (20_000, 200_000)


def memory(data: Path, work: Path, n_rounds: int) -> dict[str, Any]:
    """Peak MB of a whole process, and of one long Doc beyond its vectors."""
    results: dict[str, Any] = {
        "prediction": {name: _child("predict", name, data) for name in PIPELINES},
        "training": {name: _child("train", name, data) for name in TRAINABLE},
    }
    for n_tokens in _LENGTHS:
        results[f"one Doc of {n_tokens:,} tokens"] = _child(
            "long", "ours", data, n_tokens
        )
    return results


def startup(data: Path, work: Path, n_rounds: int) -> dict[str, Any]:
    """Seconds from a new process to the first prediction of a saved pipeline."""
    runs, results = {}, {}
    for name in PIPELINES:
        folder = work / f"saved {name}"
        if not folder.exists():
            _child("save", name, folder)
        runs[name] = partial(_child, "start", name, folder)
        weights = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
        results[f"{name}, MB on disk"] = weights / 1e6
    return results | interleaved(runs, n_rounds=n_rounds)


def growth(data: Path, work: Path, n_rounds: int) -> dict[str, Any]:
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
    n_tokens = {
        name: sum(len(nlp.make_doc(text)) for text in some)
        for name, some in kinds.items()
    }
    return {name: 1e6 * seconds[name] / n_tokens[name] for name in kinds}


def _child(task: str, system: str, *arguments: object) -> dict[str, Any]:
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.encoder.child", task]
    command += [system, *map(str, arguments)]
    finished = subprocess.run(command, check=True, capture_output=True, text=True)
    result: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    return result
