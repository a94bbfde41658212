"""Files of pairs of texts."""

import csv
import io
import json

import pytest
import spacy
from spacy.tokens import DocBin
from spacy.training import Corpus
from thinc.api import Config

from spacy_bert.pipeline.segments import split_segments
from spacy_bert.tasks.text.pair_files import make_labelled_doc, read_pairs
from spacy_bert.tasks.text.reader import make_pair_reader

COLUMNS = {"first": "a", "second": "b"}
TSV = (
    "id\ta\tb\tgold\tscore\n"
    '1\tA cat "sat.\tIt sat.\tyes\t4.5\n'
    "2\tIt ran.\tA dog?\tno\t1\n"
)


@pytest.fixture
def write(tmp_path):
    def write_file(content, name="pairs.tsv"):
        path = tmp_path / name
        path.write_bytes(content.encode("utf8"))
        return path

    return write_file


def test_a_carriage_return_inside_a_cell_ends_no_row(write):
    file = read_pairs(write("a\tb\r\nOne\rtwo\tthree\r\nfour\tfive\r\n"), **COLUMNS)
    assert [(pair.first, pair.second) for pair in file.pairs] == [
        ("One\rtwo", "three"),
        ("four", "five"),
    ]


def test_labels_become_one_hot_cats(nlp, write):
    reader = make_pair_reader(write(TSV), label="gold", **COLUMNS)
    examples = list(reader(nlp))
    assert [example.reference.cats for example in examples] == [
        {"no": 0.0, "yes": 1.0},
        {"no": 1.0, "yes": 0.0},
    ]
    first, second = split_segments(examples[0].predicted, "\x1e")
    assert (first.text, second.text) == ('A cat "sat.', "It sat.")
    assert examples[0].predicted.cats == {}


def test_a_separator_in_a_file_becomes_a_space(nlp, write):
    reader = make_pair_reader(write(TSV.replace("It ", "It\x1e")), **COLUMNS)
    docs = [example.predicted for example in reader(nlp)]
    assert [doc.text.count("\x1e") for doc in docs] == [1, 1]
    assert split_segments(docs[0], "\x1e")[1].text == "It sat."


def test_an_encoder_without_pairs_is_refused(write):
    with pytest.raises(ValueError, match="Set pair_separator = "):
        list(make_pair_reader(write(TSV), **COLUMNS)(spacy.blank("xx")))


def test_a_score_becomes_a_cat(write):
    file = read_pairs(write(TSV), score="score", **COLUMNS)
    assert [pair.cats for pair in file.pairs] == [{"score": 4.5}, {"score": 1.0}]


def test_jsonl_and_tsv_agree(write):
    header, *rows = [line.split("\t") for line in TSV.splitlines()]
    lines = [json.dumps(dict(zip(header, row, strict=True))) for row in rows]
    jsonl = write("\n\n".join(lines), "pairs.jsonl")
    settings = {**COLUMNS, "label": "gold"}
    assert read_pairs(jsonl, **settings) == read_pairs(write(TSV), **settings)


def test_csv_and_tsv_agree(write):
    rows = [line.split("\t") for line in TSV.splitlines()]
    table = io.StringIO(newline="")
    csv.writer(table).writerows([rows[0], [], *rows[1:]])
    path = write("\ufeff" + table.getvalue(), "pairs.csv")
    settings = {**COLUMNS, "label": "gold"}
    assert read_pairs(path, **settings) == read_pairs(write(TSV), **settings)


def test_a_cell_of_a_csv_file_may_have_commas_and_lines(write):
    long = "x" * 200_000
    path = write(f'a,b\r\n"One, ""two"".\n\nThree",{long}\r\n', "pairs.csv")
    (pair,) = read_pairs(path, **COLUMNS).pairs
    assert (pair.first, pair.second) == ('One, "two".\n\nThree', long)


def test_texts_alone(write):
    assert read_pairs(write(TSV), **COLUMNS).pairs[0].cats == {}


def test_a_config_names_the_reader(nlp, write):
    reader = {
        "@readers": "spacy-bert.PairReader.v1",
        "path": str(write(TSV)),
        **COLUMNS,
    }
    filled = spacy.registry.fill({"dev": {**reader, "label": "gold"}})
    again = Config().from_str(Config(filled).to_str())
    examples = spacy.registry.resolve(again)["dev"](nlp)
    assert [example.reference.cats["yes"] for example in examples] == [1.0, 0.0]


def test_the_limit(nlp, write):
    reader = make_pair_reader(write(TSV), **COLUMNS, limit=1)
    assert len(list(reader(nlp))) == 1


def test_labels_that_are_skipped(nlp, write, caplog):
    path = write(TSV + "3\tIt.\tIt.\t-\t1\n")
    reader = make_pair_reader(path, label="gold", skip_labels=["-"], **COLUMNS)
    examples = list(reader(nlp))
    assert [set(example.reference.cats) for example in examples] == [{"no", "yes"}] * 2
    assert "1 pairs are left out for their label" in caplog.text


def test_labels_given_beforehand(write):
    settings = {**COLUMNS, "label": "gold"}
    file = read_pairs(write(TSV), labels=["yes", "no", "maybe"], **settings)
    assert file.pairs[0].cats == {"yes": 1.0, "no": 0.0, "maybe": 0.0}
    with pytest.raises(
        ValueError, match="line 3: expected a label out of yes; got 'no'"
    ):
        read_pairs(write(TSV), labels=["yes"], **settings)


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        ("", "pairs.tsv", "pairs.tsv: expected pairs, found none"),
        ("a\tb\tgold\tscore\n", "pairs.tsv", "expected pairs, found none"),
        ("a\tb\tgold\tscore\n1\t2\n", "pairs.tsv", "line 2: expected 4 columns, got 2"),
        ("a\tb\n1\t2\n", "pairs.tsv", "line 2: .*; there is no gold among a, b. Name"),
        ("a\tb\tgold\n1\t2\t\n", "pairs.tsv", "line 2: expected a label out of"),
        ("{}\n{", "pairs.jsonl", "line 1: .*; there is no a and no b and no gold"),
        ('{"a": "", "b": "", "gold": 1}\n{', "pairs.jsonl", "line 2: expected a JSON"),
        ("[1]", "pairs.jsonl", r"line 1: expected a JSON object, got '\[1\]'"),
        (TSV, "pairs.xlsx", "expected a file that ends in .jsonl, .json, .csv"),
        (
            TSV,
            "pairs.csv",
            r"line 2: .*; there is no a and no b and no gold among id\ta\tb",
        ),
        ('a,b,gold\n1,"2" x,yes\n', "pairs.csv", "line 2: .* name the file .tsv"),
        ("a,b\n1,2\n", "pairs.csv", "line 2: .*; there is no gold among a, b"),
        ("a,b,gold\n1,2\n", "pairs.csv", "line 2: expected 3 columns, got 2"),
        ('a,b,gold\n1,"2,yes\n', "pairs.csv", "line 2: .* in double quotes"),
        ("a,a,gold\n", "pairs.csv", "columns of different names, got a, a, gold"),
        ('{"a": ["x"], "b": "", "gold": 1}', "pairs.jsonl", "line 1: .*column a; got"),
        ("a\tb\tgold\tgold\n", "pairs.tsv", "columns of different names"),
        ("[" * 100_000, "pairs.jsonl", "pairs.jsonl, line 1: expected a JSON object"),
        (r'{"a": "\ud83d", "b": "", "gold": 1}', "pairs.jsonl", "whole characters"),
        ("a\tb\tgold\r1\t2\tyes\r", "pairs.tsv", "a line feed after each row"),
    ],
)
def test_bad_files(write, content, name, message):
    with pytest.raises(ValueError, match=message):
        read_pairs(write(content, name), label="gold", **COLUMNS)


@pytest.mark.parametrize("value", ["high", "nan", ""])
def test_a_score_that_is_no_number(write, value):
    path = write(f"a\tb\tscore\nx\ty\t{value}\n")
    with pytest.raises(ValueError, match=f"line 2: expected a number, got '{value}'"):
        read_pairs(path, score="score", **COLUMNS)


def test_a_label_and_a_score(write):
    with pytest.raises(ValueError, match="got both: 'gold' and 'score'"):
        read_pairs(write(TSV), label="gold", score="score", **COLUMNS)


def test_a_spacy_file_gives_the_pair_again(write, tmp_path):
    nlp = spacy.blank("xx")
    pairs = read_pairs(write(TSV), label="gold", **COLUMNS).pairs
    docs = [make_labelled_doc(nlp, pair, separator="\x1e") for pair in pairs]
    DocBin(attrs=[], docs=docs).to_disk(tmp_path / "pairs.spacy")
    example, _ = Corpus(tmp_path / "pairs.spacy")(spacy.blank("xx"))
    first, second = split_segments(example.predicted, "\x1e")
    assert (first.text, second.text) == ('A cat "sat.', "It sat.")
    assert example.reference.cats == {"no": 0.0, "yes": 1.0}


def test_public_files(shared_data):
    """Counts as their authors give them."""
    sick = read_pairs(
        shared_data / "sick" / "SICK.txt",
        first="sentence_A",
        second="sentence_B",
        score="relatedness_score",
    )
    assert len(sick.pairs) == 9_927
    assert all(1 <= pair.cats["relatedness_score"] <= 5 for pair in sick.pairs)
    ocnli = read_pairs(
        shared_data / "ocnli" / "dev.json",
        first="sentence1",
        second="sentence2",
        label="label",
        skip_labels=["-"],
    )
    assert (len(ocnli.pairs), ocnli.n_skipped) == (2_950, 50)
    assert set(ocnli.pairs[0].cats) == {"contradiction", "entailment", "neutral"}
