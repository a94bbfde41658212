"""New labels from text without the old ones, which another pipeline fills in."""

import numpy as np
import pytest
import spacy
from contract_toys import COMPONENTS, LATER_TEXTS, TEXTS, make_nlp
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Corpus, Example
from spacy.util import registry
from test_bert_ner import add_ner, draw_params, make_doc
from typer.testing import CliRunner

from spacy_bert.cli import bert_cli
from spacy_bert.tasks.extending import extend
from spacy_bert.tasks.ner.bio import BioTags
from spacy_bert.tasks.starter_config import head_config
from spacy_bert.tasks.taught import get_taught
from spacy_bert.tasks.teaching import make_taught_corpus


@pytest.fixture
def save_docs(tmp_path):
    def save(docs):
        DocBin(docs=docs).to_disk(tmp_path / "docs.spacy")
        return tmp_path / "docs.spacy"

    return save


@pytest.fixture(params=["crf", "softmax"])
def teacher(nlp, tmp_path, request):
    """A pipeline with heads of random weights, as it was saved."""
    ner = add_ner(nlp, request.param)
    nlp.add_pipe("textcat", config=head_config("textcat", width=16))
    nlp.add_pipe("textcat_multilabel", config=head_config("textcat", width=16))
    doc = make_doc(nlp, "[the|A] [cat|B] ran")
    doc.cats = {"X": 1.0, "Y": 0.0}
    nlp.initialize(lambda: [Example(nlp.make_doc("the cat ran"), doc)])
    draw_params(ner, np.random.default_rng(0))
    nlp.to_disk(tmp_path / "teacher")
    return nlp


def taught_examples(teacher, path, tmp_path, nlp=None, **labels):
    corpus = make_taught_corpus(path, str(tmp_path / "teacher"), labels)
    return list(corpus(nlp or spacy.blank("xx")))


def test_it_is_registered():
    assert registry.readers.get("spacy-bert.TaughtCorpus.v1") is make_taught_corpus


def test_tokens_have_the_teachers_probabilities_but_for_new_entities(
    tmp_path, teacher, save_docs
):
    doc = make_doc(teacher, "a dog sat on [the  river bank|NEW] and ran")
    (example,) = taught_examples(
        teacher, save_docs([doc]), tmp_path, bert_ner=["NEW", "OTHER"]
    )
    taught = get_taught(example.reference, "bert_ner")
    assert taught.labels == ("A", "B", "NEW", "OTHER")
    tags = BioTags(taught.labels)
    (expected,) = teacher.get_pipe("bert_ner").marginals([teacher(doc.text)])
    inside = {4: 0, 5: None, 6: 1, 7: 1}
    for i in range(len(doc)):
        row = taught.probs[i]
        if i in inside:
            assert doc[i].is_space == (inside[i] is None)
            hard = np.zeros(tags.n_tags)
            if inside[i] is not None:
                hard[tags.begin("NEW") + inside[i]] = 1
            np.testing.assert_array_equal(row, hard)
        else:
            np.testing.assert_allclose(row[:5], expected[i], atol=1e-6)
            assert not row[5:].any()
            assert row.sum() == pytest.approx(1)


def test_what_the_teacher_says_of_an_annotated_label_does_not_count(
    tmp_path, teacher, save_docs
):
    doc = make_doc(teacher, "a dog sat on the [bank|B]")
    (example,) = taught_examples(teacher, save_docs([doc]), tmp_path, bert_ner=["B"])
    taught = get_taught(example.reference, "bert_ner")
    assert taught.labels == ("A", "B")
    (expected,) = teacher.get_pipe("bert_ner").marginals([teacher(doc.text)])
    kept = expected[:-1] * [1, 1, 1, 0, 0]
    kept /= kept.sum(1, keepdims=True)
    np.testing.assert_allclose(taught.probs[:-1], kept, atol=1e-6)
    np.testing.assert_array_equal(taught.probs[-1], [0, 0, 0, 1, 0])


def test_a_token_that_the_teacher_gives_to_an_annotated_label_is_outside(
    tmp_path, teacher, save_docs
):
    """If nothing else is left of its probabilities."""
    output = teacher.get_pipe("bert_ner").model.get_ref("output_layer")
    bias = output.get_param("b")
    bias[3] = 1000
    output.set_param("b", bias)
    teacher.to_disk(tmp_path / "teacher")
    doc = make_doc(teacher, "a dog sat on the [bank|B]")
    (example,) = taught_examples(teacher, save_docs([doc]), tmp_path, bert_ner=["B"])
    probs = get_taught(example.reference, "bert_ner").probs
    np.testing.assert_array_equal(probs[:-1], np.eye(5)[[0] * 5])


def test_who_knows_what_the_teacher_knows_learns_nothing(tmp_path, teacher, save_docs):
    """The gradient is what the model says less what the teacher says."""
    docs = [teacher.make_doc("a dog sat on  the bank"), teacher.make_doc("the cat ran")]
    for doc in docs:
        doc.set_ents([], default="outside")
    examples = taught_examples(teacher, save_docs(docs), tmp_path, bert_ner=["NEW"])
    extend(teacher, "bert_ner", ["NEW"])
    ner = teacher.get_pipe("bert_ner")
    for example in examples:
        example.predicted = teacher.get_pipe("bert_encoder")(example.predicted)
    scores = ner.model.predict([example.predicted for example in examples])
    loss, gradient = ner.get_loss(examples, scores)
    assert loss > 0
    words = ~np.array([token.is_space for token in examples[0].predicted])
    found = gradient.tokens[0][words]
    if ner.model.attrs["decoder"] == "crf":
        assert abs(found).max() < 1e-3
    else:
        # Each token alone, though a teacher heeds which tag may follow which.
        odds = np.exp(scores.tokens[0][words])
        probs = get_taught(examples[0].reference, "bert_ner").probs[words]
        expected = odds / odds.sum(1, keepdims=True) - probs
        np.testing.assert_allclose(found, expected, atol=1e-5)
    assert not gradient.tokens[0][~words].any()
    plain = [
        Example(example.predicted, doc)
        for example, doc in zip(examples, docs, strict=True)
    ]
    _, naive = ner.get_loss(plain, scores)
    assert abs(np.concatenate(naive.tokens)).max() > 0.3
    # Docs of both kinds in a batch: each as if it were alone.
    both, mixed = ner.get_loss([examples[0], plain[1]], scores)
    np.testing.assert_allclose(mixed.tokens[0], gradient.tokens[0], atol=1e-6)
    np.testing.assert_allclose(mixed.tokens[1], naive.tokens[1], atol=1e-6)


def test_classes_share_what_the_new_ones_leave(tmp_path, teacher, save_docs):
    docs = []
    for new, text in enumerate(["a dog sat", "the cat ran"]):
        doc = teacher.make_doc(text)
        doc.cats = {"NEW": float(new), "X": 0.5}
        docs.append(doc)
    path = save_docs(docs)
    examples = taught_examples(teacher, path, tmp_path, textcat=["NEW"])
    cats = teacher.get_pipe("textcat").predict([teacher(doc.text) for doc in docs])
    first, second = (example.reference.cats for example in examples)
    assert second == {"NEW": 1.0, "X": 0.0, "Y": 0.0}
    assert first["NEW"] == 0.0
    assert [first["X"], first["Y"]] == pytest.approx(cats[0].tolist(), abs=1e-6)


def test_a_sigmoid_each_leaves_the_others_alone(tmp_path, teacher, save_docs):
    doc = teacher.make_doc("a dog sat")
    doc.cats = {"NEW": 1.0}
    (example,) = taught_examples(
        teacher, save_docs([doc]), tmp_path, textcat_multilabel=["NEW"]
    )
    expected = teacher("a dog sat").cats
    assert example.reference.cats == pytest.approx({"NEW": 1.0, **expected}, abs=1e-6)


@pytest.mark.parametrize("name", ["bert_encoder", "ner"])
def test_a_component_that_cannot_teach_is_named(tmp_path, teacher, save_docs, name):
    path = save_docs([teacher.make_doc("a dog sat")])
    with pytest.raises(ValueError, match=f"bert_ner, textcat.*got {name}"):
        taught_examples(teacher, path, tmp_path, **{name: ["NEW"]})


def test_other_tokens_than_the_teacher_read_are_named(tmp_path, teacher, save_docs):
    path = save_docs([make_doc(teacher, "a [dog|NEW] sat")])
    (example,) = taught_examples(teacher, path, tmp_path, bert_ner=["NEW"])
    extend(teacher, "bert_ner", ["NEW"])
    words = {"words": ["a", "do", "g", "sat"], "spaces": [True, False, True, False]}
    other = Example(Doc(teacher.vocab, **words), example.reference)
    with pytest.raises(
        ValueError, match="expected the tokens that the teacher read, 3"
    ):
        teacher.update([other])


def mark(doc, labels):
    doc.set_ents(
        [Span(doc, t.i, t.i + 1, label=t.text) for t in doc if t.text in labels],
        default="outside",
    )
    return doc


@pytest.mark.parametrize("way", ["taught", "naive"])
def test_old_labels_are_kept_where_the_text_has_them_unmarked(
    checkpoint, tmp_path, save_docs, way
):
    """And forgotten by who reads what is not marked as O."""
    nlp = make_nlp(checkpoint, COMPONENTS["crf"])
    old = [mark(nlp.make_doc(text), {"cat", "dog"}) for text in TEXTS]
    examples = [Example(nlp.make_doc(doc.text), doc) for doc in old]
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.01
    for _ in range(60):
        nlp.update(examples, sgd=optimizer)
    assert nlp.evaluate(examples)["ents_f"] == 1
    nlp.to_disk(tmp_path / "teacher")
    extend(nlp, "bert_ner", ["money"])
    texts = [*TEXTS, *LATER_TEXTS]
    path = save_docs([mark(nlp.make_doc(text), {"money"}) for text in texts])
    if way == "taught":
        corpus = make_taught_corpus(
            path, str(tmp_path / "teacher"), {"bert_ner": ["money"]}
        )
    else:
        corpus = Corpus(path)
    new = list(corpus(nlp))
    for _ in range(60):
        nlp.update(new, sgd=optimizer)
    found = {ent.text for text in texts for ent in nlp(text).ents}
    if way == "taught":
        assert found >= {"cat", "dog", "money"}
    else:
        assert found == {"money"}


def test_the_command(tmp_path, teacher):
    folder, text = tmp_path / "teacher", "a dog sat on the bank"
    before = spacy.load(folder)(text)

    def call(*args):
        args = ["extend", str(folder), str(tmp_path / "out"), *args]
        return CliRunner().invoke(bert_cli, args)

    for args, said in (
        (["-c", "ner", "--labels", "NEW"], "one of bert_ner, textcat"),
        (["-c", "bert_ner", "--labels", "A, B"], "which has A, B; got A, B"),
        (["-c", "bert_ner", "--labels", " ,"], "got none"),
    ):
        result = call(*args)
        assert result.exit_code == 1
        assert said in " ".join(result.output.split())
        assert not (tmp_path / "out").exists()
    result = call("--component", "bert_ner", "--labels", "NEW, A,LATER")
    assert result.exit_code == 0, result.output
    assert 'bert_ner = ["NEW", "LATER"]' in result.output
    nlp = spacy.load(tmp_path / "out")
    assert nlp.get_pipe("bert_ner").labels == ("A", "B", "NEW", "LATER")
    after = nlp(text)
    assert [*map(str, after.ents)] == [*map(str, before.ents)]
    for one, other in zip(before.ents, after.ents, strict=True):
        assert one.label_ == other.label_
        assert other._.confidence == pytest.approx(one._.confidence, abs=1e-3)
    assert after.cats == pytest.approx(before.cats, abs=1e-6)
