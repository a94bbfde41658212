import pytest

from spacy_bert.pipeline.from_checkpoint import read_architecture


@pytest.fixture
def architecture(checkpoint):
    return read_architecture(checkpoint)
