import pytest
import spacy

from spacy_bert import add_encoder
from spacy_bert.checkpoint import save_checkpoint
from spacy_bert.pipeline.from_checkpoint import read_architecture


@pytest.fixture
def checkpoint(tmp_path, pretraining_model, wordpiece):
    """A toy BERT with weights, 2 layers and width 16."""
    path = tmp_path / "checkpoint"
    save_checkpoint(path, pretraining_model.encoder, wordpiece)
    return path


@pytest.fixture
def nlp(checkpoint):
    """English, with nothing but the toy encoder."""
    nlp = spacy.blank("en")
    add_encoder(nlp, checkpoint)
    return nlp


@pytest.fixture
def architecture(checkpoint):
    return read_architecture(checkpoint)
