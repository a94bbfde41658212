"""Building the index of a text, beside `datasets.map` and `group_texts`.

    python -m benchmarks.pretraining.indexing DATA WORK [--sizes 1,4,16]

DATA holds wiki_en and vocab; WORK keeps the text, and nothing else. Needs
`pip install ".[benchmarks]"`. Each build is a process of its own, with two
processes under it. Memory is that of all of them together, each shared page counted
once (PSS), sampled ten times a second. Run nothing else meanwhile.
"""

import argparse
import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from spacy_bert.corpus.documents import CorpusConfig, find_sources, read_documents

from ..encoder.timing import describe_machine
from ..store import Result, Store

N_PROCESS = 2
_MB = 1e6
_SECONDS = 0.1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--sizes", default="1,4,16", help="how often the text is taken")
    args = parser.parse_args()
    text = write_text(args.data / "wiki_en", args.work)
    print("\n".join(describe_machine()), end="\n\n")
    print(f"Text: {text.stat().st_size / _MB:.1f} MB; {N_PROCESS} processes\n")
    print("| what | text | seconds | peak MB | disk, MB | of the text |")
    print("|---|---|---|---|---|---|")
    for system, size in list_builds(args.sizes):
        seconds, peak, disk = measure(system, size, args.data, args.work)
        share = disk / (size * text.stat().st_size)
        print(
            f"| {system} | {size} x | {seconds:.0f} | {peak / _MB:.0f} | "
            f"{disk / _MB:.1f} | {share:.2f} |",
            flush=True,
        )


def measure_builds(store: Store, data: Path, work: Path, *, sizes: str) -> None:
    """For the table of `python -m benchmarks.pretraining`."""
    for system, size in list_builds(sizes):
        result = partial(_result, system, size, data, work / "indexing")
        settings = {"processes": N_PROCESS}
        store.once("indexing", "wiki_en", f"{system}, {size} x", settings, result)


def list_builds(sizes: str) -> list[tuple[str, int]]:
    """Systems, and how often each takes the text."""
    builds = [("datasets", 1), ("ours, sentencizer", 1)]
    return builds + [("ours", int(size)) for size in sizes.split(",")]


def _result(system: str, size: int, data: Path, work: Path) -> Result:
    seconds, peak, disk = measure(system, size, data, work)
    return {"seconds": seconds, "peak MB": peak / _MB, "disk MB": disk / _MB}


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


def measure(system: str, size: int, data: Path, work: Path) -> tuple[float, int, int]:
    """-> seconds, bytes of memory at the peak, bytes on disk"""
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
    return seconds, peak, disk


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


if __name__ == "__main__":
    main()
