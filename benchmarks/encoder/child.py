"""One task in a process of its own, for what only a whole process shows.

    python -m benchmarks.encoder.child TASK SYSTEM DATA

prints one JSON object. The tasks: "predict" and "train" (peak memory), "long" (one Doc
of many tokens), "save" (a pipeline to a folder), "start" (load it and predict).
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

KILOBYTES_PER_MB = 1024


def main() -> None:
    task, system, *rest = sys.argv[1:]
    result = TASKS[task](system, *rest)
    result["peak MB"] = _peak()
    print(json.dumps(result))


def predict(system: str, data: str) -> dict[str, Any]:
    from .systems import PIPELINES, through_pipe
    from .texts import read_texts

    run = through_pipe(PIPELINES[system](), 128)
    for texts in read_texts(Path(data)).values():
        run(texts)
    return {}


def train(system: str, data: str) -> dict[str, Any]:
    from .systems import TRAINABLE
    from .texts import make_examples, read_tweets

    nlp = TRAINABLE[system]()
    examples = make_examples(read_tweets(Path(data))[:512], 8)(nlp)
    optimizer = nlp.initialize(lambda: examples)
    for i in range(0, len(examples), 8):
        nlp.update(examples[i : i + 8], sgd=optimizer, drop=0.1)
    return {}


def long(system: str, data: str, n_tokens: str) -> dict[str, Any]:
    """Memory that one Doc takes beyond what is there after a short one."""
    from .systems import PIPELINES
    from .texts import read_texts

    nlp = PIPELINES[system]()
    nlp.max_length = 10_000_000
    words = " ".join(read_texts(Path(data))["articles"]).split()
    n_words = int(n_tokens)
    words = words * (n_words // len(words) + 1)
    nlp(" ".join(words[:1000]))
    before = _peak()
    doc = nlp.make_doc(" ".join(words[:n_words]))[:n_words].as_doc()
    doc = nlp(doc)
    vectors = doc.tensor.nbytes / 1e6
    return {"grown MB": _peak() - before, "vectors MB": vectors}


def save(system: str, folder: str) -> dict[str, Any]:
    from .systems import PIPELINES

    PIPELINES[system]().to_disk(folder)
    return {}


def start(_: str, folder: str) -> dict[str, Any]:
    import spacy

    nlp = spacy.load(folder)
    nlp("The first text that this pipeline sees.")
    return {}


def _peak() -> float:
    """MB. Not ru_maxrss, which a process has from the one that started it."""
    for line in Path("/proc/self/status").read_text(encoding="utf8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / KILOBYTES_PER_MB
    raise OSError("/proc/self/status has no VmHWM.")


TASKS: dict[str, Callable[..., dict[str, Any]]] = {
    "predict": predict,
    "train": train,
    "long": long,
    "save": save,
    "start": start,
}

if __name__ == "__main__":
    main()
