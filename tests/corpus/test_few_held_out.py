"""A warning if so little is held out that its losses are a matter of chance."""

import pytest
from toy_corpus import make_documents

from spacy_bert.corpus.documents import CorpusConfig
from spacy_bert.corpus.index.building import open_index
from spacy_bert.corpus.index.fingerprint import plan_index


@pytest.fixture
def said(tmp_path, pieces):
    """What the index of so many documents says."""

    def build(n_documents, held_out_ratio):
        path = tmp_path / "corpus.txt"
        path.write_text(make_documents(n_documents), encoding="utf8")
        corpus = CorpusConfig(
            path=str(path), sentences="lines", held_out_ratio=held_out_ratio
        )
        lines = []
        plan = plan_index(corpus, tokenizer=pieces, splitter=None)
        index = open_index(tmp_path / "index", plan, write=lines.append)
        return index.held_out, "\n".join(lines)

    return build


def test_two_documents_are_few(said):
    held_out, text = said(40, 0.02)
    assert held_out.n_documents == 2
    n_pieces = f"{held_out.n_pieces:,} pieces"
    assert f"Only 2 documents with {n_pieces} are held out" in text
    assert "held_out_ratio more than 0.02" in text


def test_a_part_that_was_asked_for_is_no_warning(said):
    held_out, text = said(40, 0.1)
    assert held_out.n_documents < 10 and "are held out, so" not in text


def test_ten_documents_are_enough(said):
    held_out, text = said(900, 0.02)
    assert held_out.n_documents >= 10 and "are held out, so" not in text


def test_the_ends_of_few_documents_are_no_warning(said):
    _, text = said(2, 0.02)
    assert "the last of each document" in text and "are held out, so" not in text
