"""Each task's starter config: trained as `spacy train` does, scored, saved, loaded."""

from pathlib import Path

import pytest
import spacy
import torch
from safetensors.torch import save_file
from spacy.training import Example
from spacy.util import load_config
from task_toys import SCORES, make_docs

from spacy_bert.tasks.starter_config import TASKS, starter_config, task_config

# The others differ in the head alone, which tests of its own train.
_FAST = ("entities", "classification", "questions")

CONFIGS = Path(__file__).parents[2] / "configs" / "tasks"


def test_every_task_is_here():
    assert set(SCORES) == set(TASKS)


@pytest.mark.parametrize(
    "task",
    [
        task if task in _FAST else pytest.param(task, marks=pytest.mark.slow)
        for task in TASKS
    ],
)
def test_from_starter_config_to_saved_pipeline(checkpoint, spacy_train, task):
    docs = make_docs(spacy.blank("en"), task)
    _, path = spacy_train(task_config(checkpoint, task=task), docs)
    again = spacy.load(path)
    scores = again.evaluate([Example(again.make_doc(d.text), d) for d in docs])
    for name in SCORES[task]:
        assert scores[name] is not None, name
    in_bytes = spacy.blank("en").from_config(again.config).from_bytes(again.to_bytes())
    for doc in docs[:2]:
        one, other = again(doc.text), in_bytes(doc.text)
        assert one.cats == pytest.approx(other.cats)
        assert {**one.to_json(), "cats": {}} == {**other.to_json(), "cats": {}}


@pytest.mark.parametrize(
    "head, score",
    [("ner", "ents_f"), ("senter", "sents_f"), ("span_finder", "spans_sc_f")],
)
def test_heads_beside_those_of_the_tasks(checkpoint, spacy_train, head, score):
    docs = make_docs(spacy.blank("en"), "spans")
    _, path = spacy_train(starter_config(checkpoint, heads=[head]), docs)
    nlp = spacy.load(path)
    scores = nlp.evaluate([Example(nlp.make_doc(d.text), d) for d in docs])
    assert scores[score] is not None


@pytest.mark.parametrize("task", TASKS)
def test_the_configs_folder_has_it_for_bert_base(tmp_path, task):
    """Fix with: spacy bert init-config BERT-BASE configs/tasks/TASK.cfg --task TASK"""
    path = CONFIGS / f"{task}.cfg"
    config = load_config(path)
    model = config["components"]["bert_encoder"]["model"]
    assert (model["n_layers"], model["hidden_width"]) == (12, 768)
    (tmp_path / "config.json").write_text(BERT_BASE, encoding="utf8")
    pooler = {"bert.pooler.dense.bias": torch.ones(768)}
    save_file(pooler, tmp_path / "model.safetensors")
    expected = task_config(tmp_path, task=task)
    found = path.read_text(encoding="utf8")
    assert found == expected.replace(str(tmp_path), "assets/bert-base-uncased")


BERT_BASE = """{
  "attention_probs_dropout_prob": 0.1, "hidden_act": "gelu",
  "hidden_dropout_prob": 0.1, "hidden_size": 768, "initializer_range": 0.02,
  "intermediate_size": 3072, "layer_norm_eps": 1e-12, "max_position_embeddings": 512,
  "model_type": "bert", "num_attention_heads": 12, "num_hidden_layers": 12,
  "type_vocab_size": 2, "vocab_size": 30522
}"""
