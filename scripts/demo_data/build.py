"""Installed packages -> the corpus, the three DocBins and their manifest on disk."""

import gc
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import spacy
from spacy.tokens import Doc, DocBin

from spacy_bert.folders import replacing_file
from spacy_bert.outputs import Kind, check_output

from .docstrings import Docstring, Symbols, read_docstrings
from .labels import SPANS_KEY, Candidate, Describer, key_of, make_docs
from .packages import (
    Package,
    category_of,
    find_packages,
    read_modules,
    side_of,
    stable_hash,
)
from .units import Unit, find_ordinary_words, is_prose, read_units

_FILES = ("corpus/train.txt", "train.spacy", "dev.spacy", "test.spacy")
N_WANTED = {"train": 7500, "dev": 900, "test": 900}
Progress = Callable[[str], None]
Described = list[tuple[Docstring, list[Unit]]]


@dataclass
class DemoCounts:
    """What was written, also the content of `manifest.json`."""

    versions: dict[str, str]
    n_docstrings: dict[str, int] = field(default_factory=dict)
    n_corpus_documents: int = 0
    n_corpus_sentences: int = 0
    n_corpus_bytes: int = 0
    n_docs: dict[str, dict[str, int]] = field(default_factory=dict)
    n_labels: dict[str, dict[str, int]] = field(default_factory=dict)
    n_docs_without_types: dict[str, int] = field(default_factory=dict)
    n_left_out: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        """The counts a person wants to see; the manifest has all."""
        docs = ", ".join(
            f"{sum(numbers.values())} {side}" for side, numbers in self.n_docs.items()
        )
        return (
            f"{sum(self.n_docstrings.values())} docstrings gave a corpus of "
            f"{self.n_corpus_sentences} sentences in {self.n_corpus_documents} "
            f"documents, and labelled Docs: {docs}"
        )


def build_demo_data(
    output_path: Path,
    *,
    progress: Progress | None = None,
    packages: Sequence[Package] | None = None,
    force: bool = False,
) -> DemoCounts:
    """Write corpus/train.txt, train.spacy, dev.spacy, test.spacy, manifest.json.

    force: replace those of an earlier build. Raises FileExistsError if one of them is
    there without, or is of something else.
    """
    report = progress or _print_progress
    output_path = Path(output_path)
    _check_outputs(output_path, force=force)
    output_path.mkdir(parents=True, exist_ok=True)
    sources = find_packages() if packages is None else list(packages)
    counts = DemoCounts({package.name: package.version for package in sources})
    # First, as it tells that the other files are of a build, even if that is killed.
    _write_manifest(output_path, counts)
    with _without_garbage_collection():
        described, symbols = _read(sources, counts, report)
        report("labelling descriptions")
        seen = _write_docs(output_path, described, symbols, counts)
        report("writing the corpus")
        _write_corpus(output_path, described, seen, counts)
    _write_manifest(output_path, counts)
    return counts


def _check_outputs(output_path: Path, *, force: bool) -> None:
    manifest = output_path / "manifest.json"
    check_output(manifest, _MANIFEST, force=force)
    for name in _FILES:
        if (output_path / name).exists() and not manifest.exists():
            raise FileExistsError(
                f"{output_path / name} is of no earlier build, which has left a "
                "manifest.json. Move it away, or give another folder."
            )


def _is_manifest(path: Path) -> bool:
    try:
        values = json.loads(path.read_text(encoding="utf8"))
    except (ValueError, RecursionError):
        return False
    names = {field.name for field in fields(DemoCounts)}
    return isinstance(values, dict) and values.keys() == names


_MANIFEST = Kind(name="the manifest of such a build", is_one=_is_manifest)


def _write_manifest(output_path: Path, counts: DemoCounts) -> None:
    manifest = json.dumps(asdict(counts), indent=2, sort_keys=True)
    with replacing_file(output_path / "manifest.json") as new:
        new.write_text(manifest + "\n", encoding="utf8")


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    # Nearly nothing made here holds cycles; looking for them takes half of the time.
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _print_progress(line: str) -> None:
    print(f"demo-data: {line}", file=sys.stderr, flush=True)


def _read(
    packages: Sequence[Package], counts: DemoCounts, report: Progress
) -> tuple[Described, Symbols]:
    symbols = Symbols()
    described: Described = []
    for package in packages:
        report(f"reading {package.name} {package.version}")
        before = len(described)
        for module in read_modules(package):
            symbols.add(package.name, module)
            if not module.is_stub:
                for docstring in read_docstrings(package.name, module):
                    described.append((docstring, list(read_units(docstring.text))))
        counts.n_docstrings[package.name] = len(described) - before
    return described, symbols


def _write_docs(
    output_path: Path, described: Described, symbols: Symbols, counts: DemoCounts
) -> set[str]:
    """Returns the keys of all sentences that dev and test hold."""
    categories = list(dict.fromkeys(map(category_of, counts.versions)))
    nlp = spacy.blank("en")
    describer = Describer(symbols, find_ordinary_words(described))
    pools: dict[tuple[str, str], Described] = defaultdict(list)
    for docstring, units in sorted(described, key=lambda item: _order(item[0])):
        side = side_of(docstring.module)
        pools[side, category_of(docstring.package)].append((docstring, units))
    seen: set[str] = set()
    held_out: set[str] = set()
    for side in ("test", "dev", "train"):  # what is held out is chosen first
        candidates = {
            name: make_docs(nlp, describer, pools[side, name], categories)
            for name in categories
        }
        chosen = select(candidates, N_WANTED[side], seen)
        if side == "dev":
            held_out = set(seen)
        docs = sorted(
            (d for p in chosen.values() for d in p), key=lambda d: stable_hash(d.text)
        )
        packed = DocBin(docs=docs, attrs=["ENT_IOB", "ENT_TYPE"], store_user_data=False)
        with replacing_file(output_path / f"{side}.spacy") as new:
            new.write_bytes(packed.to_bytes())
        _count(side, chosen, counts)
    counts.n_left_out = dict(describer.left_out)
    return held_out


def _order(docstring: Docstring) -> int:
    return stable_hash(f"{docstring.module}:{docstring.name}")


def _write_corpus(
    output_path: Path, described: Described, seen: set[str], counts: DemoCounts
) -> None:
    train = [item for item in described if side_of(item[0].module) == "train"]
    with (
        replacing_file(output_path / "corpus" / "train.txt") as new,
        new.open("w", encoding="utf8", newline="\n") as file,
    ):
        for document in build_documents(train, seen):
            text = "\n".join(document) + "\n\n"
            file.write(text)
            counts.n_corpus_documents += 1
            counts.n_corpus_sentences += len(document)
            counts.n_corpus_bytes += len(text.encode())


def _count(side: str, chosen: dict[str, list[Doc]], counts: DemoCounts) -> None:
    labels: Counter[str] = Counter()
    counts.n_docs[side] = {name: len(docs) for name, docs in chosen.items()}
    counts.n_docs_without_types[side] = 0
    for doc in (doc for docs in chosen.values() for doc in docs):
        labels.update(f"ents:{ent.label_}" for ent in doc.ents)
        labels.update(f"spans:{span.label_}" for span in doc.spans[SPANS_KEY])
        counts.n_docs_without_types[side] += not doc.spans[SPANS_KEY]
    counts.n_labels[side] = dict(sorted(labels.items()))


MAX_SHARE = 0.25
MIN_SHARE = 0.05


def select(
    candidates: Mapping[str, Iterable[Candidate]], n_wanted: int, seen: set[str]
) -> dict[str, list[Doc]]:
    """By category, the first Docs that are no copies; `seen` grows by what they say."""
    limit = int(n_wanted * MAX_SHARE)
    fresh = {name: _fresh(pool, seen, limit) for name, pool in candidates.items()}
    numbers = share_out({name: len(docs) for name, docs in fresh.items()}, n_wanted)
    return {name: fresh[name][: numbers[name]] for name in candidates}


def share_out(available: Mapping[str, int], n_wanted: int) -> dict[str, int]:
    """Equal shares as far as they are there; rare classes limit the total."""
    fewest = min(available.values(), default=0)
    n_wanted = min(n_wanted, int(fewest / MIN_SHARE))
    limit = int(n_wanted * MAX_SHARE)
    numbers = dict.fromkeys(available, 0)
    names = sorted(available, key=lambda name: (available[name], name))
    left = n_wanted
    for index, name in enumerate(names):
        share = left // (len(names) - index)
        numbers[name] = min(available[name], share, limit)
        left -= numbers[name]
    return numbers


def _fresh(pool: Iterable[Candidate], seen: set[str], limit: int) -> list[Doc]:
    kept: list[Doc] = []
    for candidate in pool:
        n_known = sum(key in seen for key in candidate.keys)
        if n_known * 3 > len(candidate.keys):  # more than a third was said before
            continue
        seen.update(candidate.keys)
        kept.append(candidate.doc)
        if len(kept) == limit:
            break
    return kept


# From this many sentences on, a docstring is a document of its own.
N_OWN_DOCUMENT = 4
N_LONGEST_LINE = 600


def build_documents(
    described: Iterable[tuple[Docstring, list[Unit]]], seen: set[str]
) -> Iterator[list[str]]:
    """Long docstrings alone, the short ones of one class or module together.

    `seen` holds the keys of sentences that must not come (again).
    """
    pool: list[str] = []
    pooled_for = ""
    for docstring, units in described:
        owner = f"{docstring.module}:{docstring.owner}"
        if owner != pooled_for:
            yield from _document(pool)
            pool, pooled_for = [], owner
        lines = list(_new_lines(units, seen))
        if len(lines) >= N_OWN_DOCUMENT:
            yield lines
        else:
            pool += lines
    yield from _document(pool)


def _document(lines: list[str]) -> Iterator[list[str]]:
    if len(lines) > 1:  # a lone sentence has no next one
        yield lines


def _new_lines(units: Iterable[Unit], seen: set[str]) -> Iterator[str]:
    for unit in units:
        text = unit.content.text
        key = key_of(text)
        if (
            not unit.is_described
            or key in seen
            or len(text) > N_LONGEST_LINE
            or not is_prose(text)
        ):
            continue
        seen.add(key)
        yield text
