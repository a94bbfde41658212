"""What is said of entities that were found, and of a peer that does not answer."""

import sys

import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span

from benchmarks.eds_nlp.process import open_peer
from benchmarks.eds_nlp.scores import OURS, PEERS, describe
from benchmarks.eds_nlp.table import sections


@pytest.fixture
def corpus(tmp_path):
    doc = Doc(spacy.blank("en").vocab, words="Ann met Bob in Rome today".split())
    doc.ents = [Span(doc, 0, 1, "PER"), Span(doc, 2, 3, "PER"), Span(doc, 4, 5, "LOC")]
    empty = Doc(doc.vocab, words=["no", "one"])
    for split in ("dev", "test"):
        DocBin(docs=[doc, empty]).to_disk(tmp_path / f"{split}.spacy")
    return tmp_path


def test_scores_by_hand(corpus):
    """Right: Ann, Rome. Wrong: Bob's label, and an entity in the second text."""
    test = [
        [(0, 1, "PER", 0.95), (2, 3, "LOC", 0.92), (4, 5, "LOC", 0.7)],
        [(1, 2, "PER", 0.4)],
    ]
    found = describe(corpus, {"dev": [[], []], "test": test})
    assert found == pytest.approx(
        {
            "dev F": 0,
            # Two of four, and two of three.
            "test F": 100 * 4 / 7,
            # Bins of a fifteenth: 0.7 and 0.4 alone, 0.92 in the one below 0.95's.
            "calibration error": 100 * (0.05 + 0.92 + 0.3 + 0.4) / 4,
            "right from 0.9": 50,
            "kept from 0.9": 50,
        }
    )


def test_a_peer_that_ends_is_named(tmp_path):
    """Here without EDS-NLP."""
    with open_peer(sys.executable, tmp_path / "log") as peer:
        with pytest.raises(RuntimeError, match=f"ended at .*'open'.*{tmp_path}/log"):
            peer.ask("open", train="train.spacy")
    assert "edsnlp" in (tmp_path / "log").read_text()


def test_the_table_has_both_next_to_the_first_peer():
    def result(f):
        one = {"test F": f, "dev F": 50.0, "core minutes": 2.0}
        return {"0": {**one, "settings": {}, "machine": ["a machine"]}}

    ours, peer = next(iter(OURS)), next(iter(PEERS))
    parts = {"WNUT-17": {ours: result(43.0), peer: result(40.5)}}
    timed, scored = sections(parts)
    assert not timed.parts
    assert f"| WNUT-17 | test F | {ours} | 43.0 | 43.0 | +2.5 | 2.0 | 1.00 |" in (
        scored.table
    )
