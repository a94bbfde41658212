"""`spacy debug model`, which runs no encoder for a head."""

import pytest
import spacy
from spacy.cli._util import app
from spacy.tokens import Doc, DocBin
from typer.testing import CliRunner

from spacy_bert.tasks.starter_config import head_config


@pytest.fixture
def debug_model(architecture, tmp_path):
    """(the head, whether it has an encoder of its own, what to look at) -> result"""

    def run(head, component, *, is_own):
        corpus, path = tmp_path / "docs.spacy", tmp_path / "config.cfg"
        docs = [
            Doc(spacy.blank("xx").vocab, words=["the", "cat"], tags=["D", "N"]),
            Doc(spacy.blank("xx").vocab, words=["a", "dog"], tags=["D", "N"]),
        ]
        for doc, cat in zip(docs, "AB", strict=True):
            doc.cats = {"A": float(cat == "A"), "B": float(cat == "B")}
        DocBin(docs=docs).to_disk(corpus)
        encoder = {"@architectures": "spacy-bert.BertEncoder.v1", **architecture}
        model = head_config(head, width=16)["model"]
        components = {head: {"factory": head, "model": model}}
        if is_own and head == "textcat":
            name = "spacy-bert.ClsVectors.v1"
            model["tok2vec"] = {"@architectures": name, "encoder": encoder}
        elif is_own:
            model["tok2vec"] = encoder
        else:
            shared = {"factory": "bert_encoder", "model": encoder}
            components = {"bert_encoder": shared, **components}
        reader = {"@readers": "spacy.Corpus.v1", "path": str(corpus)}
        config = {
            "nlp": {"lang": "xx", "pipeline": list(components)},
            "components": components,
            "corpora": {"train": reader, "dev": reader},
        }
        nlp = spacy.util.load_model_from_config(config, auto_fill=True)
        nlp.config.to_disk(path)
        return CliRunner().invoke(app, ["debug", "model", str(path), component])

    return run


@pytest.mark.parametrize("head", ["tagger", "textcat"])
def test_a_head_that_listens_says_what_to_run_instead(debug_model, head):
    result = debug_model(head, head, is_own=False)
    assert result.exit_code == 1
    for phrase in ("'spacy debug model'", "ClsVectors.v1", "in place of the listener"):
        assert phrase in str(result.exception)


@pytest.mark.parametrize("head", ["tagger", "textcat"])
def test_that_works(debug_model, head):
    result = debug_model(head, head, is_own=True)
    assert "model looks good" in result.output


def test_the_encoder_itself(debug_model):
    result = debug_model("tagger", "bert_encoder", is_own=False)
    assert "model looks good" in result.output
