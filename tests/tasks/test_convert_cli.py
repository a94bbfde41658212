"""`spacy bert convert`, and training on what it writes."""

import json

import pytest
import spacy
from qa_toys import MODEL
from spacy.cli.train import train
from spacy.tokens import DocBin
from thinc.api import Config
from typer.testing import CliRunner

from spacy_bert.cli import bert_cli
from spacy_bert.pipeline.from_checkpoint import read_architecture


def run(*args):
    result = CliRunner().invoke(bert_cli, ["convert", *map(str, args)])
    return result.exit_code, " ".join(result.output.split())


@pytest.fixture
def squad(tmp_path):
    context = "the cat sat . the dog ran ."
    qas = [
        {
            "id": f"q{start}",
            "question": f"the {answer[:3]} ?",
            "answers": [{"text": answer, "answer_start": start}],
        }
        for answer, start in [("cat sat", 4), ("dog ran", 18), ("dog sat", 18)]
    ]
    paragraphs = [{"context": context, "qas": qas}]
    path = tmp_path / "squad.json"
    path.write_text(json.dumps({"data": [{"paragraphs": paragraphs}]}))
    return path


def read(path):
    return list(DocBin().from_disk(path).get_docs(spacy.blank("xx").vocab))


def test_squad(squad, tmp_path):
    output = tmp_path / "out.spacy"
    code, text = run(squad, output, "--format", "squad")
    assert code == 1 and "question q18: expected each answer" in text
    assert not output.exists()
    code, text = run(squad, output, "--format", "squad", "--skip-misplaced")
    assert code == 0 and "spans of 1 answers" in text and "1 questions" in text
    assert "Wrote 2 Docs" in text
    answers = [doc.spans["answers"][0].text for doc in read(output)]
    assert answers == ["cat sat", "dog ran"]


def test_squad_of_another_format(tmp_path):
    """The message names the file, and where in it the fault is."""
    path = tmp_path / "list.json"
    path.write_text("[]")
    code, text = run(path, tmp_path / "out.spacy", "--format", "squad")
    assert code == 1 and "list.json: expected an object, got []." in text
    assert "an object with data, a list of articles" in text
    path.write_text('{"data": [{"paragraphs": [{"context": 5}]}]}')
    code, text = run(path, tmp_path / "out.spacy", "--format", "squad")
    assert code == 1 and "data[0].paragraphs[0].context: expected text, got 5" in text


@pytest.mark.parametrize("name, separator", [("a.tsv", "\t"), ("a.csv", ",")])
def test_pairs(tmp_path, name, separator):
    path, output = tmp_path / name, tmp_path / "out.spacy"
    rows = ["one two gold", "a b yes", "c d no", "e f -"]
    path.write_text("\n".join(row.replace(" ", separator) for row in rows))
    columns = ["--first", "one", "--second", "two", "--label", "gold"]
    args = [path, output, "--format", "pairs", *columns, "--skip-label", "-"]
    code, text = run(*args)
    assert code == 0 and "Left out 1 pairs" in text and "Wrote 2 Docs" in text
    assert [doc.cats["yes"] for doc in read(output)] == [1.0, 0.0]
    code, text = run(*args)
    assert code == 1 and "exists already" in text
    assert run(*args, "--force")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["out.spacy", "--format", "nli"], "expected squad or pairs, got 'nli'"),
        (["out.json", "--format", "squad"], "expected a name that ends in .spacy"),
        (["out.spacy", "-f", "squad", "-l", "xq"], "a language that spaCy knows"),
    ],
)
def test_arguments_that_are_refused(squad, tmp_path, arguments, message):
    output, *options = arguments
    code, text = run(squad, tmp_path / output, *options)
    assert code == 1 and message in text


@pytest.mark.slow
def test_spacy_trains_on_it(squad, checkpoint, tmp_path):
    data = tmp_path / "out.spacy"
    run(squad, data, "--format", "squad", "--skip-misplaced")
    reader = {
        "@readers": "spacy-bert.SquadReader.v1",
        "path": str(squad),
        "misplaced": "skip",
    }
    encoder = {
        "@architectures": "spacy-bert.BertEncoder.v1",
        **read_architecture(checkpoint),
        "pair_separator": "\x1e",
        "max_learn_rate": 1.0,
    }
    config = Config(
        {
            "paths": {"train": str(data)},
            "nlp": {"lang": "en", "pipeline": ["bert_encoder", "extractive_qa"]},
            "components": {
                "bert_encoder": {"factory": "bert_encoder", "model": encoder},
                "extractive_qa": {"factory": "extractive_qa", "model": MODEL},
            },
            "corpora": {"dev": reader},
            "training": {
                "max_steps": 150,
                "eval_frequency": 50,
                "optimizer": {"@optimizers": "Adam.v1", "learn_rate": 0.01},
            },
            "initialize": {
                "components": {"bert_encoder": {"checkpoint": str(checkpoint)}}
            },
        }
    )
    nlp = spacy.util.load_model_from_config(config, auto_fill=True)
    path = tmp_path / "config.cfg"
    nlp.config.to_disk(path)
    train(path, tmp_path / "output", overrides={"paths.train": str(data)})
    best = spacy.load(tmp_path / "output" / "model-best")
    assert best.meta["performance"]["answers_em"] == 1.0
    found = best.get_pipe("extractive_qa").answer("the dog ?", "the dog ran . the cat")
    assert len(found) == 1


def test_columns_that_are_missing_are_named_with_their_options(tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("text_a\tlabel\none\t1\n")
    names = ["--first", "text_a", "--second", "", "--label", "label"]
    code, said = run(path, tmp_path / "a.spacy", "--format", "pairs", *names)
    assert code == 1
    assert "expected the columns text_a, '', label; there is no '' among" in said
    assert "--first, --second, --label, --score" in said
