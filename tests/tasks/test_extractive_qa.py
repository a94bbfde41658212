"""The component `extractive_qa` on a toy BERT."""

import pickle

import numpy as np
import pytest
import spacy
from qa_toys import add_qa, make_example, make_examples
from spacy.tokens import DocBin
from spacy.training import Example
from thinc.api import Adam, fix_random_seed

from spacy_bert import add_encoder, make_pair_doc
from spacy_bert.tasks.qa.answering import Answer, answer, answer_batch

QUESTION, CONTEXT = "the cat ?", "the dog sat . the cat ran ."


@pytest.fixture(autouse=True)
def seed():
    fix_random_seed(0)


def train(nlp, examples, *, n_steps):
    nlp.initialize(lambda: examples)
    optimizer = Adam(0.01)
    losses = [nlp.update(examples, sgd=optimizer, losses={}) for _ in range(n_steps)]
    return [loss["extractive_qa"] for loss in losses]


@pytest.fixture
def trained(nlp):
    add_qa(nlp, n_best=3)
    train(nlp, make_examples(nlp), n_steps=2)
    return nlp


def groups(nlp):
    pairs = [(QUESTION, CONTEXT), ("the dog ?", ""), ("", "the bank")]
    docs = list(nlp.pipe([make_pair_doc(nlp, *pair) for pair in pairs]))
    found = [doc.spans["answers"] for doc in docs]
    spans = [[(span.start, span.end) for span in group] for group in found]
    return spans, np.concatenate([group.attrs["scores"] for group in found])


def assert_same_answers(one, other):
    assert groups(one)[0] == groups(other)[0]
    np.testing.assert_allclose(groups(one)[1], groups(other)[1], atol=1e-6)


def test_it_finds_the_answers(nlp):
    qa = add_qa(nlp)
    examples = make_examples(nlp)
    losses = train(nlp, examples, n_steps=60)
    assert losses[-1] < 0.1 < losses[0]
    assert nlp.evaluate(examples)["answers_em"] == 1.0
    (found,) = qa.answer(QUESTION, CONTEXT)
    assert CONTEXT[found.start_char : found.end_char] == found.text == "cat ran"
    assert 0.5 < found.probability <= 1.0


def test_it_learns_when_there_is_no_answer(nlp):
    qa = add_qa(nlp, cls=True)
    examples = make_examples(nlp, with_unanswerable=True)
    train(nlp, examples, n_steps=120)
    assert nlp.evaluate(examples)["answers_em"] == 1.0
    assert qa.answer("the money ?", CONTEXT) == []
    doc = nlp(make_pair_doc(nlp, "the money ?", CONTEXT))
    assert doc.spans["answers"].attrs["no_answer"] > 0.5
    qa.cfg["no_answer_threshold"] = 1e9
    assert len(qa.answer("the money ?", CONTEXT)) == 1


def test_the_threshold_is_a_difference_of_scores(nlp):
    """Just below the lead of "no answer" there is no answer, just above there is."""
    qa = add_qa(nlp, cls=True, no_answer_threshold=-1e9)
    train(nlp, make_examples(nlp, with_unanswerable=True), n_steps=1)
    assert qa.answer(QUESTION, CONTEXT) == []
    qa.cfg["no_answer_threshold"] = 1e9
    attrs = nlp(make_pair_doc(nlp, QUESTION, CONTEXT)).spans["answers"].attrs
    lead = np.log(attrs["no_answer"] / attrs["scores"][0])
    qa.cfg["no_answer_threshold"] = lead - 1e-3
    assert qa.answer(QUESTION, CONTEXT) == []
    qa.cfg["no_answer_threshold"] = lead + 1e-3
    assert len(qa.answer(QUESTION, CONTEXT)) == 1


def test_the_answers_are_of_the_context_and_short(nlp):
    qa = add_qa(nlp, n_best=1000, max_answer_tokens=2)
    train(nlp, make_examples(nlp), n_steps=1)
    doc = nlp(make_pair_doc(nlp, QUESTION, CONTEXT))
    group = doc.spans["answers"]
    # 8 tokens have 8 spans of one token and 7 of two.
    assert len(group) == 15
    assert min(span.start for span in group) == 4
    assert max(len(span) for span in group) == 2
    scores = group.attrs["scores"]
    assert scores.sum() == pytest.approx(1.0) and (np.diff(scores) <= 0).all()
    assert group.attrs["no_answer"] == 0.0
    first = qa.answer(QUESTION, CONTEXT)[0]
    assert first.text == group[0].text


def test_answers_in_batches(trained):
    qa = trained.get_pipe("extractive_qa")
    pairs = [(QUESTION, CONTEXT), ("the dog ?", ""), ("who", "  the bank ")] * 3
    alone = [qa.answer(*pair) for pair in pairs]
    for one, together in zip(alone, qa.answer_batch(pairs, batch_size=4), strict=True):
        assert [a.text for a in one] == [a.text for a in together]
        assert [a.probability for a in one] == pytest.approx(
            [a.probability for a in together], abs=1e-5
        )
    assert alone[1] == []
    for found in alone[2]:
        assert "  the bank "[found.start_char : found.end_char] == found.text
    assert answer(trained, *pairs[0]) == alone[0]
    assert isinstance(alone[0][0], Answer)


def test_an_empty_question_is_refused(trained):
    with pytest.raises(ValueError, match="Expected a question, got ' '"):
        answer(trained, " ", CONTEXT)


def test_a_pipeline_without_the_component(nlp):
    with pytest.raises(ValueError, match="component 'extractive_qa'.*got bert_encoder"):
        answer(nlp, QUESTION, CONTEXT)


@pytest.mark.parametrize("text", ["the cat sat", "the\x1ecat\x1esat", ""])
def test_a_doc_of_one_text_gets_no_answer_and_spares_the_others(trained, text):
    pair = make_pair_doc(trained, QUESTION, CONTEXT).text
    with pytest.warns(UserWarning, match="one text gets no answer.*make_pair_doc"):
        before, alone, after = trained.pipe([pair, text, pair])
    assert alone.text == text and len(alone.spans["answers"]) == 0
    expected = trained(pair)
    for doc in (before, after):
        spans = [(span.start, span.end) for span in doc.spans["answers"]]
        assert spans == [(s.start, s.end) for s in expected.spans["answers"]]
        assert len(spans) == 3


def test_a_separator_in_a_question_or_context_is_a_space(trained):
    """The answers' offsets are those in the texts as they were given."""
    pairs = [("the\x1ecat ?", CONTEXT), (QUESTION, CONTEXT.replace(" ", "\x1e"))]
    expected = answer(trained, QUESTION, CONTEXT)
    for found in answer_batch(trained, pairs):
        assert [(a.start_char, a.text) for a in found] == [
            (a.start_char, a.text) for a in expected
        ]


def test_an_encoder_without_pairs_is_refused(trained, checkpoint):
    """While training, while predicting and while making Docs."""
    nlp = spacy.blank("xx")
    add_encoder(nlp, checkpoint)
    message = "Set pair_separator = "
    add_qa(nlp)
    with pytest.raises(ValueError, match=message):
        nlp.initialize(lambda: make_examples(nlp))
    alone = spacy.blank("xx")
    add_encoder(alone, checkpoint)
    with pytest.warns(UserWarning, match="trained with another encoder"):
        alone.add_pipe("extractive_qa", source=trained)
    with pytest.raises(ValueError, match=message):
        alone("the cat")
    with pytest.raises(ValueError, match=message):
        answer(alone, QUESTION, CONTEXT)


def test_an_encoder_of_its_own_has_its_own_setting(trained):
    trained.replace_listeners("bert_encoder", "extractive_qa", ["model.tok2vec"])
    trained.remove_pipe("bert_encoder")
    assert len(answer(trained, QUESTION, CONTEXT)) == 3


@pytest.mark.slow
def test_a_context_of_50000_tokens(trained):
    context = "the cat sat . " * 12_500
    found = answer(trained, QUESTION, context)
    assert len(found) == 3
    assert context[found[0].start_char : found[0].end_char] == found[0].text


def test_a_missing_annotation_changes_nothing(nlp):
    qa = add_qa(nlp)
    train(nlp, make_examples(nlp), n_steps=1)
    before = qa.model.to_bytes()
    unannotated = make_example(nlp, QUESTION, CONTEXT, None)
    one_text = Example(nlp.make_doc("the cat"), nlp.make_doc("the cat"))
    nlp.update([unannotated, one_text], sgd=Adam(0.1))
    assert qa.model.to_bytes() == before
    nlp.update([make_example(nlp, QUESTION, CONTEXT, "cat ran")], sgd=Adam(0.1))
    assert qa.model.to_bytes() != before


def test_nothing_annotated_at_all_is_refused(nlp):
    add_qa(nlp, spans_key="answer")
    with pytest.raises(ValueError, match=r"spans\['answer'\]; found answers"):
        nlp.initialize(lambda: make_examples(nlp))


def test_no_answer_begins_or_ends_with_white_space(nlp):
    qa = add_qa(nlp, n_best=1000)
    nlp.initialize(lambda: make_examples(nlp))
    found = {answer.text for answer in qa.answer("the cat ?", " the  cat\n ran  ")}
    assert found == {"the", "cat", "ran", "the  cat", "cat\n ran", "the  cat\n ran"}
    assert qa.answer("the cat ?", " \n ") == []


@pytest.mark.parametrize("method", ["initialize", "update"])
def test_a_question_without_answer_wants_cls(nlp, method):
    add_qa(nlp)
    nlp.initialize(lambda: make_examples(nlp))
    unanswerable = [make_example(nlp, QUESTION, CONTEXT)]
    with pytest.raises(ValueError, match=r"extractive_qa\.model\.cls"):
        if method == "initialize":
            nlp.initialize(lambda: unanswerable)
        else:
            nlp.update(unanswerable)


def test_an_answer_in_the_question_is_refused(nlp):
    add_qa(nlp)
    example = make_example(nlp, QUESTION, CONTEXT, None)
    example.reference.spans["answers"] = [example.reference[0:2]]
    with pytest.raises(ValueError, match="within the context, got 'the cat'"):
        nlp.initialize(lambda: [example])


def test_answers_too_long_to_be_found_are_counted(nlp, caplog):
    add_qa(nlp, max_answer_tokens=2)
    answers = ["dog sat", "dog sat .", "dog sat . the", None]
    examples = [make_example(nlp, QUESTION, CONTEXT, answer) for answer in answers]
    nlp.initialize(lambda: examples)
    assert "2 answers have more than max_answer_tokens = 2" in caplog.text


def test_settings_and_answers_survive_the_disk(nlp, tmp_path):
    add_qa(nlp, n_best=3, max_answer_tokens=2)
    train(nlp, make_examples(nlp), n_steps=2)
    nlp.get_pipe("extractive_qa").cfg["no_answer_threshold"] = 1.5
    nlp.to_disk(tmp_path / "pipeline")
    again = spacy.load(tmp_path / "pipeline")
    assert_same_answers(nlp, again)
    qa = again.get_pipe("extractive_qa")
    assert qa.cfg == nlp.get_pipe("extractive_qa").cfg
    assert qa.cfg["no_answer_threshold"] == 1.5
    assert len(qa.answer(QUESTION, CONTEXT)) == 3


def test_a_pickled_pipeline_answers_but_its_component_does_not_know_it(trained):
    again = pickle.loads(pickle.dumps(trained))
    assert_same_answers(trained, again)
    assert len(answer(again, QUESTION, CONTEXT)) == 3
    with pytest.raises(ValueError, match="is gone, or not known"):
        again.get_pipe("extractive_qa").answer(QUESTION, CONTEXT)


def test_answers_survive_a_docbin(trained):
    doc = trained(make_pair_doc(trained, QUESTION, CONTEXT))
    (again,) = DocBin(docs=[doc]).get_docs(trained.vocab)
    assert [s.text for s in again.spans["answers"]] == [
        s.text for s in doc.spans["answers"]
    ]
    np.testing.assert_array_equal(
        again.spans["answers"].attrs["scores"], doc.spans["answers"].attrs["scores"]
    )


@pytest.mark.parametrize("paths", [["tok2vec", "cls"], ["cls", "tok2vec"]])
def test_two_listeners_are_not_replaced(nlp, paths):
    """spaCy would replace one of them, and write a wrong config for the other."""
    add_qa(nlp, cls=True)
    nlp.initialize(lambda: make_examples(nlp, with_unanswerable=True))
    paths = [f"model.{path}" for path in paths]
    with pytest.raises(
        ValueError, match="with one listener, and 'extractive_qa' has 2"
    ):
        nlp.replace_listeners("bert_encoder", "extractive_qa", paths)


def test_replace_listeners(trained):
    expected = groups(trained)
    trained.replace_listeners("bert_encoder", "extractive_qa", ["model.tok2vec"])
    assert trained.get_pipe("bert_encoder").listening_components == []
    assert groups(trained)[0] == expected[0]


@pytest.mark.parametrize("setting", [{"n_best": 0}, {"max_answer_tokens": 0}])
def test_impossible_settings(nlp, setting):
    with pytest.raises(ValueError, match="at least 1"):
        add_qa(nlp, **setting)


def test_bare_add_pipe():
    """The default model listens to a default encoder."""
    nlp = spacy.blank("xx")
    model = {"@architectures": "spacy-bert.BertEncoder.v1", "pair_separator": "\x1e"}
    nlp.add_pipe("bert_encoder", config={"model": model})
    nlp.add_pipe("extractive_qa")
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    assert len(list(answer_batch(nlp, [(QUESTION, CONTEXT)]))[0]) == 1
