"""A config for toy data, as a file."""

import pytest
import spacy
from spacy.tokens import DocBin
from task_toys import make_docs
from thinc.api import Config

from spacy_bert.tasks.starter_config import starter_config, task_config


@pytest.fixture
def make_config(tmp_path, checkpoint):
    """make_config(task, settings) -> the path of a config, with data. "ner" is spaCy's
    head."""

    def make(task="entities", settings=None):
        corpus = tmp_path / f"{task}.spacy"
        DocBin(docs=make_docs(spacy.blank("en"), task)).to_disk(corpus)
        overrides = {
            "paths.train": str(corpus),
            "paths.dev": str(corpus),
            "training.max_steps": 40,
            "training.eval_frequency": 10,
            "training.patience": 0,
            **(settings or {}),
        }
        if task == "ner":
            text = starter_config(checkpoint, heads=["ner"])
        else:
            text = task_config(checkpoint, task=task)
        config = Config().from_str(text, overrides=overrides, interpolate=False)
        # English takes long to be made, for its exceptions.
        config["nlp"]["lang"] = "xx"
        # Several batches in an epoch.
        config["training"]["batcher"] = {
            "@batchers": "spacy.batch_by_sequence.v1",
            "size": 6,
        }
        path = tmp_path / f"{task}.cfg"
        config.to_disk(path)
        return path

    return make
