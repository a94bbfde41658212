"""A data set of the `datasets` library, here of local files, as a corpus."""

import json

import pytest

from spacy_bert.corpus.documents import CorpusConfig, find_sources, read_documents
from spacy_bert.corpus.index.fingerprint import (
    describe_change,
    make_fingerprint,
    plan_index,
)

datasets = pytest.importorskip("datasets")


def write(folder, n_files):
    for i in range(n_files):
        rows = [{"body": f"Text {i}.\nMore."}, {"body": f"Other {i}."}]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{i}.jsonl").write_text(text)


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    (tmp_path / "data").mkdir()
    write(tmp_path / "data", 3)
    settings = {"field": "body", "data_files": str(tmp_path / "data" / "*.jsonl")}
    return CorpusConfig(path="json", reader="datasets", settings=settings)


def test_each_shard_is_a_source(corpus):
    sources = find_sources(corpus)
    assert [(source.start, source.stop) for source in sources] == [
        (0, 3),
        (1, 3),
        (2, 3),
    ]
    documents = list(read_documents(sources, corpus.settings))
    assert documents[:2] == [["Text 0.", "More."], ["Other 0."]]
    assert len(documents) == 6


def test_a_change_is_noticed(corpus, tmp_path, pieces):
    plan = plan_index(corpus, tokenizer=pieces, splitter=None)
    before = make_fingerprint(plan, [source.record() for source in plan.sources])
    again = plan_index(corpus, tokenizer=pieces, splitter=None)
    assert describe_change(before, again) is None
    (tmp_path / "data" / "1.jsonl").write_text('{"body": "new"}\n')
    changed = plan_index(corpus, tokenizer=pieces, splitter=None)
    assert "json changed" in describe_change(before, changed)


def test_a_wrong_column_is_named(corpus):
    settings = dict(corpus.settings, field="text")
    with pytest.raises(ValueError, match="'text' in json.*Known are: body"):
        list(read_documents(find_sources(corpus), settings))
