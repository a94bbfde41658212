"""Each task's starter config: trained as `spacy train` does, scored, saved, loaded."""

from pathlib import Path

import pytest
import spacy
import torch
from safetensors.torch import save_file
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import load_config

from spacy_bert.pipeline.segments import join_segments
from spacy_bert.pipeline.starter_config import TASKS, starter_config

CONFIGS = Path(__file__).parents[2] / "configs" / "tasks"

# The main score of each task's heads.
SCORES = {
    "classification": ["cats_macro_f"],
    "multilabel": ["cats_macro_auc"],
    "pairs": ["cats_macro_f"],
    "similarity": ["cats_pearson"],
    "questions": ["answers_f"],
    "entities": ["ents_f"],
    "tagging": ["tag_acc", "pos_acc", "lemma_acc"],
    "parsing": ["dep_uas", "tag_acc"],
    "spans": ["spans_sc_f"],
}


def make_docs(nlp, task):
    docs = []
    # spaCy's parser forgets arcs that it sees less than 30 times.
    for i, animal in enumerate(["cat", "dog"] * 20):
        text = join_segments(f"the {animal} ran", f"a {animal} sat on the bank")
        words = nlp.make_doc(text)
        n = len(words)
        doc = Doc(
            nlp.vocab,
            words=[token.text for token in words],
            spaces=[bool(token.whitespace_) for token in words],
            tags=["DET", "N"] * (n // 2),
            pos=["DET", "NOUN"] * (n // 2),
            lemmas=[token.text for token in words],
            heads=[1, 2] + [2] * (n - 2),
            deps=["dep", "dep", "ROOT"] + ["dep"] * (n - 3),
        )
        doc.cats = {"CAT": float(animal == "cat"), "DOG": float(animal == "dog")}
        if task == "similarity":
            doc.cats = {"alike": float(i)}
        spans = [Span(doc, 1, 2, label="ANIMAL"), Span(doc, 5, 6, label="ANIMAL")]
        doc.ents = doc.spans["sc"] = spans
        doc.spans["answers"] = spans[1:]
        docs.append(doc)
    return docs


def test_every_task_is_here():
    assert set(SCORES) == set(TASKS)


@pytest.mark.parametrize("task", TASKS)
def test_from_starter_config_to_saved_pipeline(checkpoint, spacy_train, task):
    docs = make_docs(spacy.blank("en"), task)
    _, path = spacy_train(starter_config(checkpoint, heads=TASKS[task]), docs)
    again = spacy.load(path)
    scores = again.evaluate([Example(again.make_doc(d.text), d) for d in docs])
    for name in SCORES[task]:
        assert scores[name] is not None, name
    in_bytes = spacy.blank("en").from_config(again.config).from_bytes(again.to_bytes())
    for doc in docs[:2]:
        one, other = again(doc.text), in_bytes(doc.text)
        assert one.cats == pytest.approx(other.cats)
        assert {**one.to_json(), "cats": {}} == {**other.to_json(), "cats": {}}


@pytest.mark.parametrize("task", TASKS)
def test_the_configs_folder_has_it_for_bert_base(tmp_path, task):
    """Mend with: spacy bert init-config BERT-BASE configs/tasks/TASK.cfg --task TASK"""
    path = CONFIGS / f"{task}.cfg"
    config = load_config(path)
    model = config["components"]["bert_encoder"]["model"]
    assert (model["n_layers"], model["hidden_width"]) == (12, 768)
    (tmp_path / "config.json").write_text(BERT_BASE, encoding="utf8")
    pooler = {"bert.pooler.dense.bias": torch.ones(768)}
    save_file(pooler, tmp_path / "model.safetensors")
    expected = starter_config(tmp_path, heads=TASKS[task])
    found = path.read_text(encoding="utf8")
    assert found == expected.replace(str(tmp_path), "assets/bert-base-uncased")


BERT_BASE = """{
  "attention_probs_dropout_prob": 0.1, "hidden_act": "gelu",
  "hidden_dropout_prob": 0.1, "hidden_size": 768, "initializer_range": 0.02,
  "intermediate_size": 3072, "layer_norm_eps": 1e-12, "max_position_embeddings": 512,
  "model_type": "bert", "num_attention_heads": 12, "num_hidden_layers": 12,
  "type_vocab_size": 2, "vocab_size": 30522
}"""
