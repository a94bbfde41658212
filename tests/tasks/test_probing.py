"""The same training on several checkpoints."""

import shutil

import pytest
import spacy
from spacy.tokens import DocBin
from task_toys import make_docs
from typer.testing import CliRunner

from spacy_bert import add_encoder
from spacy_bert.cli import bert_cli
from spacy_bert.tasks import probing
from spacy_bert.tasks.probing import RANDOM, ProbeSettings, find_task, probe


def quiet(text):
    pass


def write_docs(path, task="entities", n=None):
    """With the annotation of the task alone."""
    nlp = spacy.blank("en")
    docs = []
    for full in make_docs(nlp, task)[:n]:
        doc = nlp.make_doc(full.text.replace("\u001e", "and"))
        if task in ("classification", "multilabel"):
            doc.cats = full.cats
        if task in ("entities", "tagging"):
            doc.ents = [doc.char_span(4, 7, label="ANIMAL")]
        if task == "tagging":
            for token in doc:
                token.tag_ = "X"
        docs.append(doc)
    DocBin(docs=docs).to_disk(path)
    return path


SETTINGS = {"lang": "xx", "n_steps": 3, "n_seeds": 2, "task": "entities"}


def test_equal_checkpoints_have_equal_scores(tmp_path, checkpoint):
    """So nothing but the checkpoint differs; seeds do, and so do random weights."""
    shutil.copytree(checkpoint, tmp_path / "copy")
    data = write_docs(tmp_path / "data.spacy")
    names = [str(checkpoint), str(tmp_path / "copy")]
    settings = ProbeSettings(**SETTINGS)
    said = []
    found = probe(names, data, None, settings, write=said.append)
    one, copy, random = found.results
    assert [result.checkpoint for result in found.results] == [*names, RANDOM]
    assert one.scores == copy.scores and len(one.scores) == 2
    assert (found.task, found.score) == ("entities", "ents_f")
    assert (found.n_train, found.n_test) == (32, 8)
    assert len(said) == 6 and said[0].startswith(f"{checkpoint}, seed 0: ents_f ")
    once = ProbeSettings(**{**SETTINGS, "n_seeds": 1})
    again = probe(names[:1], data, None, once, write=quiet)
    assert [result.scores for result in again.results] == [
        one.scores[:1],
        random.scores[:1],
    ]


def test_scores_are_those_of_a_trained_pipeline(tmp_path, checkpoint):
    """After enough steps all is right, on other Docs too."""
    data = write_docs(tmp_path / "data.spacy")
    test = write_docs(tmp_path / "test.spacy", n=4)
    settings = ProbeSettings(
        **{**SETTINGS, "n_steps": 60, "n_seeds": 1}, has_random=False
    )
    found = probe([str(checkpoint)], data, test, settings, write=quiet)
    (result,) = found.results
    assert result.scores == [1.0] and result.spread == 0
    assert (found.n_train, found.n_test) == (40, 4)


def test_a_frozen_encoder_is_left_as_it_is(tmp_path, checkpoint, monkeypatch):
    trained = []
    monkeypatch.setattr(
        probing, "_score", lambda nlp, test: (trained.append(nlp) or "x", 0.5)
    )
    data = write_docs(tmp_path / "data.spacy")
    for is_frozen in (False, True):
        settings = ProbeSettings(
            **{**SETTINGS, "n_seeds": 1}, is_frozen=is_frozen, has_random=False
        )
        probe([str(checkpoint)], data, None, settings, write=quiet)
    vectors = [nlp("the cat sat").tensor for nlp in trained]
    plain = spacy.blank("xx")
    add_encoder(plain, checkpoint)
    expected = plain("the cat sat").tensor
    assert (vectors[1] == expected).all() and (vectors[0] != expected).any()


@pytest.mark.parametrize("task", ["classification", "entities"])
def test_the_annotation_names_the_task(tmp_path, task):
    path = write_docs(tmp_path / "data.spacy", task)
    docs = list(DocBin().from_disk(path).get_docs(spacy.blank("xx").vocab))
    assert find_task(docs) == task


@pytest.mark.parametrize(
    "task, found", [("tagging", "entities, tagging"), ("none", "none")]
)
def test_several_tasks_or_none_are_named(tmp_path, task, found):
    path = write_docs(tmp_path / "data.spacy", task)
    docs = list(DocBin().from_disk(path).get_docs(spacy.blank("xx").vocab))
    with pytest.raises(ValueError, match=f"got annotation for {found}. .*--task"):
        find_task(docs)


def test_what_cannot_be_probed(tmp_path, checkpoint):
    settings = ProbeSettings(**SETTINGS)
    with pytest.raises(ValueError, match="Expected a .spacy file"):
        probe([str(checkpoint)], tmp_path, None, settings, write=quiet)
    few = write_docs(tmp_path / "few.spacy", n=2)
    with pytest.raises(ValueError, match="at least 3 Docs, got 2"):
        probe([str(checkpoint)], few, None, settings, write=quiet)


def test_the_command(tmp_path, checkpoint):
    data = write_docs(tmp_path / "data.spacy", n=20)
    options = ["--lang", "xx", "--steps", "2", "--seeds", "1"]
    arguments = ["probe", str(checkpoint), str(data), *options]
    result = CliRunner().invoke(bert_cli, arguments)
    assert result.exit_code == 0, result.output
    output = " ".join(result.output.split())
    assert "random weights" in output and "16 Docs to learn from and 4 to" in output
    result = CliRunner().invoke(bert_cli, ["probe", str(tmp_path), str(data)])
    assert result.exit_code == 1 and "Traceback" not in result.output
