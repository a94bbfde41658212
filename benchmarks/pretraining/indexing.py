"""Building the index of a text, next to `datasets.map` and `group_texts`.

Each build is a process of its own, with two processes under it. Memory is that of all
of them together, each shared page counted once (PSS), sampled ten times a second.
"""

import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from spacy_bert.corpus.documents import CorpusConfig, find_sources, read_documents

from ..store import Result, Store
from .recipes import DATASETS, OURS

N_PROCESS = 2
_ROW = "index of wiki_en"
_MB = 1e6
_SECONDS = 0.1


def measure_builds(store: Store, data: Path, work: Path, *, sizes: list[str]) -> None:
    """sizes: how often ours takes the text; the others take it once."""
    builds = [(name, name, 1) for name in (DATASETS, "ours, sentencizer")]
    for size in map(int, sizes):
        builds.append((OURS if size == 1 else f"ours, {size} x", OURS, size))
    for name, system, size in builds:
        build = partial(measure, system, size, data, work / "indexing")
        store.once("indexing", _ROW, name, {"processes": N_PROCESS}, build)


def write_text(folder: Path, work: Path) -> Path:
    """Plain text for both: a paragraph a line, a blank line between documents."""
    file = work / "text.txt"
    if not file.exists():
        work.mkdir(parents=True, exist_ok=True)
        sources = find_sources(CorpusConfig(path=str(folder)))
        with file.open("w", encoding="utf8") as stream:
            for lines in read_documents(sources, {}):
                stream.write("\n".join(lines) + "\n\n")
    return file


def measure(system: str, size: int, data: Path, work: Path) -> Result:
    text = write_text(data / "wiki_en", work)
    vocabulary = data / "vocab" / "bert-base-uncased" / "vocab.txt"
    output, corpus = work / "output", work / "corpus"
    for folder in (output, corpus):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    for number in range(size):
        (corpus / f"{number:02d}.txt").symlink_to(text.resolve())
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.pretraining.builds"]
    arguments = [system, str(corpus), str(vocabulary), str(output), str(N_PROCESS)]
    null = subprocess.DEVNULL
    start, peak = time.perf_counter(), 0
    with subprocess.Popen([*command, *arguments], stdout=null, stderr=null) as process:
        while process.poll() is None:
            peak = max(peak, sum(map(_memory, _family(process.pid))))
            time.sleep(_SECONDS)
    seconds = time.perf_counter() - start
    if process.returncode:
        raise RuntimeError(f"The build of {system!r} failed: {process.returncode}.")
    disk = sum(file.stat().st_size for file in output.rglob("*") if file.is_file())
    shutil.rmtree(output)
    return {"seconds": seconds, "peak MB": peak / _MB, "disk MB": disk / _MB}


def _family(pid: int) -> list[int]:
    """A process and all that it started."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [(task / "children").read_text().split() for task in tasks]
    except OSError:
        return []
    return [
        pid,
        *(p for some in children for child in some for p in _family(int(child))),
    ]


def _memory(pid: int) -> int:
    """Its share of the pages that it has in memory, in bytes; 0 if it just ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    kilobytes = [int(line.split()[1]) for line in lines if line.startswith("Pss:")]
    return 1024 * sum(kilobytes)
