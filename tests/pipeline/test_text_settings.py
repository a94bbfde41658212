"""lowercase and strip_accents, wherever an encoder gets a checkpoint or vocabulary."""

import json

import pytest
import spacy
from spacy.training import Example

from spacy_bert import add_encoder
from spacy_bert.pipeline.encoding import find_shims, get_shim

# "CAT" is lower-cased or [UNK].
SETTINGS = [
    {"lowercase": False},
    {"lowercase": True, "strip_accents": False},
    {"lowercase": False, "strip_accents": True},
]


def settings_of(nlp, name="bert_encoder"):
    (shim,) = find_shims(nlp.get_pipe(name).model)
    found = shim.tokenizer.settings
    del found["split_chinese"]
    return found


def expected_settings(asked):
    return {"lowercase": True, "strip_accents": None, **asked}


@pytest.mark.parametrize("asked", SETTINGS)
def test_add_encoder(checkpoint, asked, tmp_path):
    nlp = spacy.blank("xx")
    add_encoder(nlp, checkpoint, **asked)
    assert settings_of(nlp) == expected_settings(asked)
    tokenizer = get_shim(nlp.get_pipe("bert_encoder").model).tokenizer
    is_known = tokenizer.unk_id not in tokenizer.encode("CAT").ids
    assert is_known == (asked["lowercase"] is not False)
    nlp.to_disk(tmp_path / "saved")
    assert settings_of(spacy.load(tmp_path / "saved")) == expected_settings(asked)


def make_initialized(nlp, **settings):
    nlp.config["initialize"]["components"]["bert_encoder"] = settings
    text = "the cat sat \u00c4 on the mat"
    nlp.initialize(lambda: [Example.from_dict(nlp.make_doc(text), {})])
    return nlp


@pytest.mark.parametrize("asked", SETTINGS)
@pytest.mark.parametrize("source", ["checkpoint", "vocabulary", "examples"])
def test_initialize(checkpoint, architecture, asked, source):
    nlp = spacy.blank("xx")
    nlp.add_pipe("bert_encoder", config={"model": architecture})
    paths = {
        "checkpoint": {"checkpoint": str(checkpoint)},
        "vocabulary": {"vocabulary": str(checkpoint / "vocab.txt")},
        "examples": {"vocab_size": 60},
    }
    make_initialized(nlp, **paths[source], **asked)
    assert settings_of(nlp) == expected_settings(asked)
    # What is there already may be named again, and not be changed.
    make_initialized(nlp, **asked)
    wrong = {"lowercase": not asked["lowercase"]}
    with pytest.raises(
        ValueError, match="lowercase: expected (True|False), as the enc"
    ):
        make_initialized(nlp, **wrong)


def test_a_vocabulary_beside_a_checkpoint_is_refused(checkpoint, architecture):
    nlp = spacy.blank("xx")
    nlp.add_pipe("bert_encoder", config={"model": architecture})
    with pytest.raises(ValueError, match="vocabulary: expected none with a checkpoi"):
        make_initialized(nlp, checkpoint=str(checkpoint), vocabulary="vocab.txt")


@pytest.mark.parametrize("asked", SETTINGS)
def test_the_callback_for_heads_with_an_encoder_of_their_own(
    checkpoint, architecture, asked
):
    nlp = spacy.blank("xx")
    model = {"@architectures": "spacy-bert.BertEncoder.v1", **architecture}
    config = {"model": {"@architectures": "spacy.Tagger.v2", "tok2vec": model}}
    nlp.add_pipe("tagger", config=config)
    make = spacy.registry.callbacks.get("spacy-bert.load_checkpoint.v1")
    make(components=["tagger"], checkpoint=str(checkpoint), **asked)(nlp)
    assert settings_of(nlp, "tagger") == expected_settings(asked)


def test_a_cased_vocabulary_that_does_not_say_so(checkpoint, caplog):
    """As domain BERTs of 2019 are: vocab.txt, and no settings."""
    (checkpoint / "tokenizer_config.json").unlink()
    (checkpoint / "tokenizer.json").unlink()
    pieces = (checkpoint / "vocab.txt").read_text(encoding="utf8").replace("cat", "Cat")
    (checkpoint / "vocab.txt").write_text(pieces, encoding="utf8")
    add_encoder(spacy.blank("xx"), checkpoint)
    assert "1 of the 33 pieces have capitals (Cat)" in caplog.text
    caplog.clear()
    nlp = spacy.blank("xx")
    add_encoder(nlp, checkpoint, lowercase=False)
    assert not caplog.text
    tokenizer = get_shim(nlp.get_pipe("bert_encoder").model).tokenizer
    assert tokenizer.pieces[tokenizer.encode("Cat").ids[0]] == "Cat"
    settings = checkpoint / "tokenizer_config.json"
    settings.write_text(json.dumps({"do_lower_case": False}))
    again = spacy.blank("xx")
    add_encoder(again, checkpoint)
    assert (again("Cat").tensor == nlp("Cat").tensor).all()
