"""Heads with an encoder of their own, which starts from a checkpoint."""

import shutil

import numpy as np
import pytest
import spacy
from heads import add_head
from spacy.training import Example

from spacy_bert.pipeline.encoding import find_shims
from spacy_bert.tasks.starter_config import head_config

TEXT = "the cat sat on the river bank"


def make_examples(nlp):
    reference = {
        "tags": list("ABABABA"),
        "cats": {"A": 1.0, "B": 0.0},
        "entities": ["O", "U-Y", "O", "O", "O", "O", "O"],
    }
    return [Example.from_dict(nlp.make_doc(TEXT), reference) for _ in range(2)]


def make_pipeline(head, architecture, *, components, checkpoint):
    own = {"@architectures": "spacy-bert.BertEncoder.v1", **architecture}
    model = head_config(head, width=16)["model"]
    if model["tok2vec"]["@architectures"] == "spacy-bert.ClsListener.v1":
        own = {"@architectures": "spacy-bert.ClsVectors.v1", "encoder": own}
    callback = {
        "@callbacks": "spacy-bert.load_checkpoint.v1",
        "components": components,
        "checkpoint": checkpoint and str(checkpoint),
    }
    config = {
        "nlp": {"lang": "xx", "pipeline": [head]},
        "components": {head: {"factory": head, "model": {**model, "tok2vec": own}}},
        "initialize": {"before_init": callback},
    }
    return spacy.util.load_model_from_config(config, auto_fill=True)


@pytest.mark.parametrize("head", ["tagger", "ner", "textcat", "bert_ner"])
def test_a_head_starts_from_a_checkpoint(head, architecture, checkpoint, nlp, tmp_path):
    pipeline = make_pipeline(
        head, architecture, components=[head], checkpoint=checkpoint
    )
    examples = make_examples(pipeline)
    optimizer = pipeline.initialize(lambda: examples)
    (shim,) = find_shims(pipeline.get_pipe(head).model)
    own = shim.encoder.state_dict()
    (shared,) = find_shims(nlp.get_pipe("bert_encoder").model)
    for name, weight in shared.encoder.state_dict().items():
        assert (own[name] == weight).all(), name
    before = own["layers.0.intermediate.weight"].clone()
    pipeline.update(examples, sgd=optimizer)
    assert (before != own["layers.0.intermediate.weight"]).any()
    # What is saved does without the folder.
    shutil.rmtree(checkpoint)
    pipeline.to_disk(tmp_path / "pipeline")
    again = spacy.load(tmp_path / "pipeline")
    (loaded,) = find_shims(again.get_pipe(head).model)
    for name, weight in shim.encoder.state_dict().items():
        np.testing.assert_array_equal(loaded.encoder.state_dict()[name], weight)


def test_without_a_checkpoint_the_weights_stay(architecture, checkpoint):
    """As in a saved pipeline whose paths were forgotten."""
    pipeline = make_pipeline(
        "tagger", architecture, components=["tagger"], checkpoint=None
    )
    (shim,) = find_shims(pipeline.get_pipe("tagger").model)
    shim.load(checkpoint)
    before = shim.encoder.layers[0].intermediate.weight.clone()
    examples = make_examples(pipeline)
    pipeline.initialize(lambda: examples)
    assert (before == shim.encoder.layers[0].intermediate.weight).all()


def test_a_head_that_listens_has_none(nlp, checkpoint):
    add_head(nlp, "tagger")
    callback = spacy.registry.callbacks.get("spacy-bert.load_checkpoint.v1")
    with pytest.raises(ValueError, match="'tagger' has no encoder of its own"):
        callback(["tagger"], checkpoint)(nlp)


def test_another_architecture_is_refused(architecture, checkpoint):
    pipeline = make_pipeline(
        "tagger",
        {**architecture, "n_layers": 3},
        components=["tagger"],
        checkpoint=checkpoint,
    )
    with pytest.raises(ValueError, match="n_layers = 3 in the config, 2 in the check"):
        pipeline.initialize(lambda: make_examples(pipeline))
