"""What is left of an annotation, how it is scored, and the table."""

import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span

from benchmarks.forgetting.table import sections
from benchmarks.forgetting.training import NEW_F, OLD_F, marked, score_old_and_new


@pytest.fixture
def doc():
    doc = Doc(spacy.blank("en").vocab, words="Ann met Bob in Rome today".split())
    spans = [(0, 1, "PER"), (2, 3, "PER"), (4, 5, "LOC")]
    doc.set_ents([Span(doc, *span) for span in spans], default="outside")
    return doc


@pytest.mark.parametrize(
    "default, others", [("outside", "O"), ("missing", "")], ids=["outside", "missing"]
)
def test_the_other_labels_are_not_marked(doc, default, others):
    (found,) = marked([doc], {"LOC"}, default)
    assert [(ent.text, ent.label_) for ent in found.ents] == [("Rome", "LOC")]
    tags = [token.ent_iob_ for token in found]
    assert tags == [others] * 4 + ["B"] + [others]
    assert len(doc.ents) == 3


def test_old_and_new_labels_have_an_f_each(tmp_path, doc):
    """PER: 1 of 2 found, and nothing else; LOC: found, and one that is none."""
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns(
        [
            {"label": "PER", "pattern": "Ann"},
            {"label": "LOC", "pattern": "Rome"},
            {"label": "LOC", "pattern": "today"},
        ]
    )
    nlp.to_disk(tmp_path / "pipeline")
    DocBin(docs=[doc]).to_disk(tmp_path / "test.spacy")
    found = score_old_and_new(
        tmp_path / "pipeline", tmp_path / "test.spacy", {"PER"}, {"LOC"}
    )
    assert found == pytest.approx({OLD_F: 200 / 3, NEW_F: 200 / 3})
    found = score_old_and_new(
        tmp_path / "pipeline", tmp_path / "test.spacy", {"LOC"}, {"GPE"}
    )
    assert found == pytest.approx({OLD_F: 200 / 3, NEW_F: 0})


def test_the_table_compares_with_before():
    def result(old, new):
        return {
            OLD_F: old,
            NEW_F: new,
            "core minutes": 2.0,
            "settings": {},
            "machine": ["a machine"],
        }

    row = {"before": result(70.0, 0.0), "taught": result(69.0, 50.0)}
    (section,) = sections({"WNUT-17": {"0": row, "1": row}})
    assert "| taught | 69.0 ± 0.0 | 69.0, 69.0 | -1.0 | 2.0 | 1.00 |" in section.table
    assert "| taught | 50.0 ± 0.0 | 50.0, 50.0 | +50.0 |" in section.table
