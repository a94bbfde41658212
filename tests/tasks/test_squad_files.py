"""Files in SQuAD's format."""

import json
import re

import pytest
import spacy
from spacy.tokens import DocBin
from spacy.training import Corpus

from spacy_bert.pipeline.segments import split_segments
from spacy_bert.tasks.qa.reader import make_squad_reader
from spacy_bert.tasks.qa.squad_files import make_question_doc, read_squad

CONTEXT = "The cat sat on  the New-Yorker's mat."


def record(*answers, **fields):
    given = [{"text": text, "answer_start": start} for text, start in answers]
    return {"id": "q1", "question": "Who sat?", "answers": given, **fields}


@pytest.fixture
def write(tmp_path):
    def write_file(*records):
        path = tmp_path / "squad.json"
        paragraphs = [{"context": CONTEXT, "qas": list(records)}]
        content = {"version": "1.1", "data": [{"title": "t", "paragraphs": paragraphs}]}
        path.write_text(json.dumps(content), encoding="utf8")
        return path

    return write_file


def texts(doc):
    return [span.text for span in doc.spans["answers"]]


def test_answers_become_spans(nlp, write):
    path = write(record(("The cat", 0), ("New", 20), (" the", 15)))
    (example,) = make_squad_reader(path)(nlp)
    question, context = split_segments(example.predicted, "\x1e")
    assert (question.text, context.text) == ("Who sat?", CONTEXT)
    # Widened to whole tokens, with the exact answers next to them.
    assert texts(example.reference) == ["The cat", "New", "the"]
    group = example.reference.spans["answers"]
    assert group.attrs["texts"] == ["The cat", "New", " the"]
    assert "answers" not in example.predicted.spans


def test_an_answer_within_a_token_is_widened(nlp, write):
    (example,) = make_squad_reader(write(record(("ew", 21))))(nlp)
    assert texts(example.reference) == ["New"]
    assert example.reference.spans["answers"].attrs["texts"] == ["ew"]


def test_a_question_without_answer(nlp, write):
    plausible = [{"text": "mat", "answer_start": 33}]
    path = write(record(is_impossible=True, plausible_answers=plausible))
    (example,) = make_squad_reader(path)(nlp)
    assert "answers" in example.reference.spans and texts(example.reference) == []


def test_the_limit(nlp, write):
    path = write(*[record(("cat", 4))] * 3)
    assert len(list(make_squad_reader(path, limit=2)(nlp))) == 2
    assert len(list(make_squad_reader(path)(nlp))) == 3


def test_a_misplaced_answer(nlp, write, caplog):
    path = write(record(("cat", 5)), record(("cat", -1), ("cat", 4)))
    with pytest.raises(
        ValueError, match="squad.json, question q1: expected each answer"
    ):
        read_squad(path)
    reader = make_squad_reader(path, misplaced="skip")
    (example,) = reader(nlp)
    assert texts(example.reference) == ["cat"]
    # Both texts count when scoring, wherever one is.
    assert example.reference.spans["answers"].attrs["texts"] == ["cat", "cat"]
    assert "2 answers are not in their context" in caplog.text
    assert "1 questions without another answer are left out" in caplog.text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "expected JSON in UTF-8"),
        ('{"data": []}\n{"data": []}', "expected JSON in UTF-8"),
        ("[]", "expected an object, got []"),
        ("{}", "data: expected a list, got an object without 'data'"),
        ('{"data": {}}', "data: expected a list, got {}"),
        ('{"data": []}', "expected questions, found none"),
        ('{"data": [5]}', "data[0]: expected an object, got 5"),
        ('{"data": [{"paragraphs": "a"}]}', "data[0].paragraphs: expected a list"),
        ('{"data": [{"paragraphs": [[]]}]}', "paragraphs[0]: expected an object"),
        (
            '{"data": [{"paragraphs": [{"qas": [{}]}]}]}',
            "paragraphs[0].context: expected text, got an object without 'context'",
        ),
        (
            '{"data": [{"paragraphs": []}, {"paragraphs": [{"context": 5}]}]}',
            "data[1].paragraphs[0].context: expected text, got 5",
        ),
        (
            '{"data": [{"paragraphs": [{"context": "", "qas": ["Who?"]}]}]}',
            "paragraphs[0].qas[0]: expected an object, got 'Who?'",
        ),
    ],
)
def test_other_files_are_refused(tmp_path, content, message):
    (tmp_path / "other.json").write_text(content)
    with pytest.raises(ValueError, match=f"other.json: .*{re.escape(message)}"):
        read_squad(tmp_path / "other.json")


@pytest.mark.parametrize(("width", "shown"), [(60, "{}. "), (61, "{}.... ")])
def test_a_message_shows_60_characters_of_what_came(tmp_path, width, shown):
    value = "a" * (width - 2)
    (tmp_path / "long.json").write_text(json.dumps({"data": value}))
    with pytest.raises(ValueError, match="got") as error:
        read_squad(tmp_path / "long.json")
    assert "got " + shown.format(repr(value)[:60]) in str(error.value)


CAT = {"text": "cat", "answer_start": 4}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"question": None}, "question: expected text, got None"),
        ({"question": "Who \ud83d?"}, "question: expected whole characters"),
        ({"answers": None}, "answers: expected a list, got None"),
        ({"answers": {"text": ["cat"]}}, "answers: expected a list, got {'text'"),
        ({"answers": ["cat"]}, "answers[0]: expected an object, got 'cat'"),
        ({"answers": [CAT, {}]}, "answers[1].text: expected text, got an object with"),
        ({"answers": [{**CAT, "text": 5}]}, "answers[0].text: expected text, got 5"),
        (
            {"answers": [{**CAT, "answer_start": "4"}]},
            "answers[0].answer_start: expected a whole number, got '4'",
        ),
        ({"is_impossible": "false"}, "is_impossible: expected true or false"),
        ({"is_impossible": False}, "answers: expected some, since is_impossible is"),
    ],
)
def test_incomplete_questions_are_refused(write, wrong, message):
    path = write(record(("cat", 4)), {"question": "Who?", "answers": [], **wrong})
    where = f"{path}: data[0].paragraphs[0].qas[1].{message}"
    with pytest.raises(ValueError, match=re.escape(where)):
        read_squad(path)


def test_a_separator_in_a_file_becomes_a_space(nlp, write):
    """And the answers stay where they are."""
    text = write(record(("The cat", 0), question="Who\x1esat?")).read_text()
    path = write()
    path.write_text(text.replace("cat sat", "cat\\u001esat"), encoding="utf8")
    (example,) = make_squad_reader(path)(nlp)
    question, context = split_segments(example.predicted, "\x1e")
    assert (question.text, context.text) == ("Who sat?", CONTEXT)
    assert texts(example.reference) == ["The cat"]


def test_an_encoder_without_pairs_is_refused(write):
    reader = make_squad_reader(write(record(("cat", 4))))
    with pytest.raises(ValueError, match="Set pair_separator = "):
        list(reader(spacy.blank("xx")))


def test_no_path():
    with pytest.raises(ValueError, match="expected a path, got None"):
        make_squad_reader(None)


def test_an_unknown_way_of_misplaced(write):
    with pytest.raises(ValueError, match="one of error, skip, got 'drop'"):
        read_squad(write(record(("cat", 4))), misplaced="drop")


def test_a_spacy_file_gives_the_pair_again(write, tmp_path):
    path = write(record(("The cat", 0)), record(is_impossible=True))
    nlp = spacy.blank("xx")
    questions = read_squad(path).questions
    docs = [
        make_question_doc(nlp, q, spans_key="answers", separator="\x1e")
        for q in questions
    ]
    DocBin(attrs=[], docs=docs).to_disk(tmp_path / "squad.spacy")
    examples = list(Corpus(tmp_path / "squad.spacy")(spacy.blank("xx")))
    assert [texts(example.reference) for example in examples] == [["The cat"], []]
    for example in examples:
        question, context = split_segments(example.predicted, "\x1e")
        assert (question.text, context.text) == ("Who sat?", CONTEXT)


@pytest.mark.parametrize(
    ("name", "lang", "n_questions", "n_unanswerable"),
    [
        ("squad/dev-v1.1.json", "en", 10_570, 0),
        ("squad/dev-v2.0.json", "en", 11_873, 5_945),
        ("cmrc2018/cmrc2018_dev.json", "zh", 3_219, 0),
    ],
)
def test_public_files(shared_data, name, lang, n_questions, n_unanswerable):
    """Counts as their authors give them, and texts that come back from the tokens."""
    file = read_squad(shared_data / name, misplaced="skip")
    assert len(file.questions) + file.n_skipped == n_questions
    assert sum(not q.answers for q in file.questions) == n_unanswerable
    nlp = spacy.blank(lang)
    for question in file.questions[::100]:
        doc = make_question_doc(nlp, question, spans_key="answers", separator="\x1e")
        assert split_segments(doc, "\x1e")[1].text.strip() == question.context.strip()
        for span, (start, end) in zip(
            doc.spans["answers"], question.spans, strict=True
        ):
            assert question.context[start:end] in span.text
