"""Each format gives the same documents; large files are cut between documents."""

import csv
import gzip
import json
from functools import partial

import catalogue
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import DocBin

from spacy_bert.corpus.documents import CorpusConfig, find_sources, read_documents
from spacy_bert.corpus.readers import BORDERS, readers
from spacy_bert.corpus.sources import cut_file

DOCUMENTS = [
    ["A river flows.", "It ends."],
    ["Banks \u2028 & money."],
    ["\u6cb3\u5cb8\u3002"],
]
TEXTS = ["\n".join(lines) for lines in DOCUMENTS]
JSON_LINES = "".join(json.dumps({"text": text}) + "\n" for text in TEXTS)
WIKI = "".join(
    f'<doc id="{i}">\nTitle\n\n{text.replace("&", "&amp;")}\n</doc>\n'
    for i, text in enumerate(TEXTS)
)


def write_parquet(path):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"text": [*TEXTS, None]}), path)


def write_csv(path, *, open_file=open, delimiter=","):
    with open_file(path, "wt", encoding="utf-8-sig", newline="") as file:
        rows = csv.writer(file, delimiter=delimiter)
        rows.writerow(["id", "text"])
        rows.writerows(enumerate(TEXTS))


def write_zst(path):
    zstandard = pytest.importorskip("zstandard")
    path.write_bytes(zstandard.compress(JSON_LINES.encode()))


def write_docbin(path):
    nlp = spacy.blank("xx")
    DocBin(docs=[nlp(text) for text in TEXTS]).to_disk(path)


FORMATS = {
    "plain.txt": lambda path: path.write_text("\n\n".join(TEXTS)),
    "wiki_00": lambda path: path.write_text(WIKI),
    "a.jsonl": lambda path: path.write_text(JSON_LINES),
    "a.jsonl.gz": lambda path: path.write_bytes(gzip.compress(JSON_LINES.encode())),
    "a.txt.gz": lambda path: path.write_bytes(
        gzip.compress("\n\n".join(TEXTS).encode())
    ),
    "a.jsonl.zst": write_zst,
    "a.csv": write_csv,
    "a.CSV": write_csv,
    "a.csv.gz": partial(write_csv, open_file=gzip.open),
    "a.parquet": write_parquet,
    "a.spacy": write_docbin,
}


def read(path, **values):
    corpus = CorpusConfig(path=str(path), **values)
    return list(read_documents(find_sources(corpus), corpus.settings))


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_documents(tmp_path, name):
    FORMATS[name](tmp_path / name)
    assert read(tmp_path) == DOCUMENTS


def test_a_folder_may_mix_formats(tmp_path):
    for name in ("a.jsonl", "plain.txt", "wiki_00"):
        FORMATS[name](tmp_path / name)
    assert read(tmp_path, settings={"field": "text"}) == DOCUMENTS * 3


def test_sentences_of_docs_are_lines(tmp_path):
    nlp = spacy.blank("xx")
    nlp.add_pipe("sentencizer")
    DocBin(docs=[nlp("One\nhere. Two."), nlp("Three.")]).to_disk(tmp_path / "a.spacy")
    assert read(tmp_path) == [["One here.", "Two."], ["Three."]]


def test_a_reader_is_a_function(tmp_path):
    def read_upper(source, *, mark="!"):
        for line in source.lines():
            yield line.upper() + mark

    readers.register("upper", func=read_upper)
    try:
        (tmp_path / "a.txt").write_text("one\ntwo\n")
        documents = read(tmp_path, reader="upper", settings={"mark": "?"})
        assert documents == [["ONE?"], ["TWO?"]]
    finally:
        catalogue._remove(("spacy_bert", "readers", "upper"))


def test_the_field_is_a_setting(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"body": "one"}\n')
    assert read(tmp_path, settings={"field": "body"}) == [["one"]]
    with pytest.raises(ValueError, match="with the field 'text'.*field = "):
        read(tmp_path)


@pytest.mark.parametrize(
    "values, message",
    [
        ({"reader": "jsonnl"}, "Unknown reader 'jsonnl'.*mean 'jsonl'"),
        ({"settings": {"feild": "body"}}, r"'feild' in \[corpus.settings\].*'field'"),
        ({"reader": "docbin"}, "expected a .spacy file"),
        ({"reader": "jsonl"}, "expected a JSON object"),
    ],
)
def test_a_wrong_reader_or_setting_is_named(tmp_path, values, message):
    (tmp_path / "a.txt").write_text("text\n")
    (tmp_path / "b.jsonl").write_text("[1]\n")
    with pytest.raises(ValueError, match=message):
        read(tmp_path, **values)


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    (tmp_path / "a.parquet").write_bytes(b"")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(ValueError, match=r"pip install 'spacy-bert\[parquet\]'"):
        read(tmp_path)


LINES = st.text(alphabet="ab \t\r\u00e9\n", max_size=200)


WRONG_TYPES = {
    "jsonl": {"field": 5},
    "csv": {"field": 5, "delimiter": 1, "quoted": "yes"},
    "parquet": {"field": ["text"]},
    "docbin": {"max_bytes": "1 GB"},
    "datasets": {"field": 5, "split": 2},
}


@pytest.mark.parametrize("reader", WRONG_TYPES)
def test_settings_of_another_type_are_named_before_anything_is_read(tmp_path, reader):
    (tmp_path / "a.txt").write_text("text\n")
    with pytest.raises(ValueError) as error:
        corpus = CorpusConfig(
            path=str(tmp_path), reader=reader, settings=WRONG_TYPES[reader]
        )
        find_sources(corpus)
    for name, value in WRONG_TYPES[reader].items():
        kind = {"quoted": "a boolean", "max_bytes": "a whole number"}.get(name, "text")
        said = f"[corpus.settings] {name}: expected {kind}, got {value!r}."
        assert said in str(error.value)


def test_a_setting_may_be_left_to_the_reader(tmp_path):
    (tmp_path / "a.csv").write_text("text\nOne.\n")
    assert read(tmp_path, settings={"delimiter": None, "quoted": None}) == [["One."]]


@pytest.mark.parametrize("name", BORDERS)
@settings(deadline=None)  # It writes files.
@given(texts=st.lists(LINES, max_size=12), n_bytes=st.integers(1, 40))
def test_ranges_of_a_file_are_the_file(tmp_path_factory, name, texts, n_bytes):
    file = tmp_path_factory.mktemp("cut") / "file"
    formats = {
        "text": "\n\n".join(texts),
        "jsonl": "".join(json.dumps({"text": text}) + "\n" for text in texts),
        "wiki": "".join(f"<doc >\nTitle\n{text}\n</doc>\n" for text in texts),
    }
    file.write_text(formats[name], newline="")
    (whole,) = cut_file(file, name, None, n_bytes)
    ranges = list(cut_file(file, name, BORDERS[name], n_bytes))
    assert sum(one.n_bytes for one in ranges) == whole.n_bytes
    assert list(read_documents(ranges, {})) == list(read_documents([whole], {}))
    for one in ranges[1:]:
        assert file.read_bytes()[: one.start].endswith(b"\n")


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        *(("a.jsonl.gz", damage) for damage in ("cut", "other", "foreign")),
        # Its bytes have no checksum.
        *(("a.jsonl.zst", damage) for damage in ("cut", "foreign")),
    ],
)
def test_a_packed_file_that_is_damaged_is_named(tmp_path, name, damage):
    path = tmp_path / name
    FORMATS[name](path)
    packed = path.read_bytes()
    damages = {
        "cut": packed[: len(packed) * 2 // 3],
        "other": packed[:20] + b"\xff" * 20 + packed[40:],
        "foreign": b"This is plain text.",
    }
    path.write_bytes(damages[damage])
    with pytest.raises(ValueError, match=f"{name}: expected a whole file"):
        read(path)


def test_a_zst_file_may_have_many_frames(tmp_path):
    zstandard = pytest.importorskip("zstandard")
    frames = (zstandard.compress(line.encode()) for line in JSON_LINES.splitlines(True))
    (tmp_path / "a.jsonl.zst").write_bytes(b"".join(frames))
    assert read(tmp_path) == DOCUMENTS


def test_a_parquet_file_that_is_none_is_named(tmp_path):
    pytest.importorskip("pyarrow")
    (tmp_path / "a.parquet").write_text("text")
    with pytest.raises(ValueError, match="a.parquet: expected a Parquet file"):
        read(tmp_path)


def test_half_a_character_is_replaced(tmp_path):
    (tmp_path / "a.jsonl").write_text(r'{"text": "cut \ud83d emoji \ud83d\ude00"}')
    assert read(tmp_path) == [["cut \ufffd emoji \U0001f600"]]


def test_json_of_any_depth_is_refused(tmp_path):
    (tmp_path / "a.jsonl").write_text("[" * 100_000)
    with pytest.raises(ValueError, match="expected a JSON object with the field"):
        read(tmp_path)
