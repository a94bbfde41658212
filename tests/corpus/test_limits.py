"""Files that are too large once they are unpacked, or are not what they seem, are
refused by name before they take memory."""

import csv
import gzip
import json
import subprocess
import sys
import zlib
from itertools import repeat

import catalogue
import pytest
import spacy
import srsly
from spacy.tokens import DocBin

from spacy_bert.corpus import readers, sources
from spacy_bert.corpus.documents import CorpusConfig, find_sources, read_documents

csv_limit = csv.field_size_limit

READ = """
import resource, sys
from spacy_bert.corpus.documents import *
corpus = CorpusConfig(path=sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    n = sum(len(lines) for lines in read_documents(find_sources(corpus), {}))
except ValueError as error:
    n = error
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, n)
"""


def read(path, reader="auto", **settings):
    corpus = CorpusConfig(path=str(path), reader=reader, settings=settings)
    return list(read_documents(find_sources(corpus), corpus.settings))


def write_packed(path, text):
    data = text.encode()
    if path.suffix == ".gz":
        data = gzip.compress(data)
    if path.suffix == ".zst":
        data = pytest.importorskip("zstandard").compress(data)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
@pytest.mark.parametrize("name", ["a.txt", "a.jsonl", "a.csv"])
def test_a_line_has_a_limit(tmp_path, monkeypatch, name, suffix):
    monkeypatch.setattr(sources, "MAX_LINE_BYTES", 100)
    line = {"a.txt": "{}", "a.jsonl": '{{"text": "{}"}}', "a.csv": "{}"}[name]
    fine = line.format("text" if name == "a.csv" else "x")
    path = tmp_path / (name + suffix)
    write_packed(path, f"{fine}\n{line.format('y' * 70)}\n")
    assert read(path)
    write_packed(path, f"{fine}\n{line.format('y' * 120)}\n")
    with pytest.raises(ValueError, match=f"{name}{suffix}: .*100 bytes.* line 2 is"):
        read(path)


@pytest.mark.parametrize("reader", ["text", "files", "wiki", "jsonl", "csv"])
def test_a_document_has_a_limit(tmp_path, monkeypatch, reader):
    monkeypatch.setattr(readers, "MAX_DOCUMENT_CHARS", 100)
    lines = ["x" * 20] * 4
    texts = {
        "text": "\n".join,
        "files": "\n\n".join,
        "wiki": lambda lines: "\n".join(["<doc >", "T", *lines, "</doc>"]),
        "jsonl": lambda lines: json.dumps({"text": "\n".join(lines)}),
        "csv": lambda lines: "\n".join(['text\n"', *lines, '"']),
    }
    path = tmp_path / "a"
    path.write_text(texts[reader](lines))
    assert read(path, reader) == [lines]
    path.write_text(texts[reader](lines * 2))
    with pytest.raises(ValueError, match="a: expected documents of at most 100"):
        read(path, reader)


@pytest.mark.parametrize("reader", ["text", "files", "wiki"])
def test_a_document_without_end_is_not_read_on(monkeypatch, reader):
    monkeypatch.setattr(readers, "MAX_DOCUMENT_CHARS", 100)
    lines = repeat("x" * 20, 1000)
    monkeypatch.setattr(sources.Source, "lines", lambda source: lines)
    source = sources.Source(reader=reader, path="a", n_bytes=0)
    with pytest.raises(ValueError, match="a: expected documents of at most 100"):
        list(readers.read_texts(source, {}))
    assert len(list(lines)) > 990


def test_a_quote_that_is_not_closed_is_not_read_on(tmp_path, monkeypatch):
    # Python's limit of a cell only grows, and is for the whole process.
    monkeypatch.setattr(csv, "field_size_limit", lambda *limit: before)
    before = csv_limit(1000)
    try:
        (tmp_path / "a.csv").write_text('text\n"one\n' + "two\n" * 1000)
        with pytest.raises(ValueError, match=r"a.csv, line 2\d\d: .*quoted = false"):
            read(tmp_path)
    finally:
        csv_limit(before)


@pytest.mark.slow
@pytest.mark.parametrize("separator", ["", "\n\n"])
def test_a_packed_file_takes_little_memory(tmp_path, separator):
    """300 MB: one line, which is refused, or documents, which are streamed."""
    path = tmp_path / "a.txt.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _ in range(300):
            file.write((f"{'x' * 100_000}{separator}" * 10).encode())
    said = subprocess.run(
        [sys.executable, "-c", READ, path], capture_output=True, text=True, check=True
    ).stdout
    n_bytes, text = said.split(" ", 1)
    kilobytes = 1024 if sys.platform == "darwin" else 1
    assert int(n_bytes) / kilobytes < (150_000 if not separator else 30_000)
    assert ("line 1 is longer" in text) if not separator else text.strip() == "3000"


@pytest.fixture
def docbin(tmp_path):
    """docbin(change) -> a .spacy file whose content went through `change`."""
    nlp = spacy.blank("xx")
    packed = DocBin(docs=[nlp("A river flows."), nlp("It ends.")]).to_bytes()

    def write(change=lambda content: None):
        content = srsly.msgpack_loads(zlib.decompress(packed))
        changed = change(content)
        content = content if changed is None else changed
        path = tmp_path / "a.spacy"
        path.write_bytes(zlib.compress(srsly.msgpack_dumps(content)))
        return path

    return write


@pytest.mark.parametrize(
    "change",
    [
        lambda content: [1, 2],
        lambda content: {"a": 1},
        lambda content: content.clear(),
        lambda content: content.update(strings=[]),
        lambda content: content.update(attrs=[]),
        lambda content: content.update(attrs=[66, 67]),
        lambda content: content.update(attrs=None),
        lambda content: content.update(lengths=b"123"),
        lambda content: content.update(tokens=b""),
        lambda content: content.update(spaces=b"1"),
        lambda content: content.update(strings=7),
        lambda content: content.update(flags=[]),
        lambda content: content.update(cats=[]),
        lambda content: content.update(user_data=[b"1", b"1"]),
    ],
)
def test_what_is_packed_like_a_docbin_is_named(docbin, change):
    assert len(read(docbin())) == 2
    with pytest.raises(ValueError, match="a.spacy: expected a .spacy file"):
        read(docbin(change))


def test_a_docbin_has_a_limit_that_can_be_raised(docbin):
    path = docbin(lambda content: content.update(more=b"0" * 5_000_000))
    assert path.stat().st_size < 10_000
    with pytest.raises(ValueError, match=r"a.spacy: .* 1,000,000 .*set max_bytes"):
        read(path, max_bytes=1_000_000)
    assert len(read(path, max_bytes=10_000_000)) == 2
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match="a.spacy: expected a .spacy file"):
        read(path)


@pytest.mark.parametrize("name", ["a.html", "a.xml.gz", "a.PDF", "a.xml.bz2"])
def test_what_is_no_plain_text_is_refused_by_its_name(tmp_path, name):
    (tmp_path / name).write_text("<p>text</p>\n")
    with pytest.raises(ValueError, match=f"{name}: expected plain text.*'text'"):
        read(tmp_path)
    if not name.endswith(".gz"):
        assert read(tmp_path, "text") == [["<p>text</p>"]]


def test_a_parquet_file_with_damaged_pages_is_named(tmp_path):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    path = tmp_path / "a.parquet"
    texts = [f"{i} some text" for i in range(1000)]
    pq.write_table(pa.table({"text": texts}), path, use_dictionary=False)
    assert len(read(path)) == 1000
    whole = path.read_bytes()
    path.write_bytes(whole[:4] + b"\xff" * 500 + whole[504:])
    with pytest.raises(ValueError, match="a.parquet: expected a Parquet file"):
        read(path)
    pq.write_table(pa.table({"body": texts}), path)
    with pytest.raises(ValueError, match="Unknown column 'text' in .*a.parquet"):
        read(path)


def test_what_a_reader_of_ones_own_gives_is_checked(tmp_path):
    (tmp_path / "a.txt").write_text("one\n")
    for value in (["one"], 1, b"one"):
        readers.readers.register("odd", func=lambda source, v=value: iter([v]))
        try:
            with pytest.raises(ValueError, match="a.txt: expected text, got"):
                read(tmp_path, "odd")
        finally:
            catalogue._remove(("spacy_bert", "readers", "odd"))


@pytest.mark.parametrize(
    ("name", "settings"),
    [("a.spacy", {"max_bytes": "1e9"}), ("a.csv", {"quoted": "no"})],
)
def test_a_setting_of_another_type_is_named(tmp_path, name, settings):
    (tmp_path / name).write_text("text\n")
    with pytest.raises(ValueError, match=rf"\[corpus.settings\] {[*settings][0]}: "):
        read(tmp_path, **settings)
