"""Rows of the table: which data, which heads, which systems, by which recipe."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thinc.api import Config

from spacy_bert.pipeline.segments import RECORD_SEPARATOR
from spacy_bert.tasks.starter_config import CLS_LISTENER, LISTENER

from ..encoder.systems import (
    MEAN_TEXTCAT,
    TRANSFORMER_LISTENER,
    transformer_model,
)
from ..spacy_runs import encoder_config, minilm
from .datasets import language

HUGGING_FACE = "transformers, Trainer"
PEER = "spacy-transformers"

# Our heads have ten times the encoder's learning rate, as `init-config` writes it, and
# the peers have one rate for all. So that this can be told apart: ours with one rate,
# and the peers with one that suits heads better.
ONE_RATE, FIVE_FOLD = ", one rate", ", five times the rate"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """scores: of `spacy evaluate`, on `split`; n_steps: of some 1,000 padded tokens or,
    if the peer is `transformers`, of n_docs Docs; learn_rate: of the encoder.

    systems: its name -> heads and their settings, and those of the bert_encoder, beside
    the starter config.
    """

    dataset: str
    scores: tuple[str, ...]
    n_steps: int
    systems: Mapping[str, Mapping[str, Mapping[str, Any]]]
    split: str = "test"
    learn_rate: float = 2e-4
    n_docs: int = 0


_TREES: Mapping[str, Mapping[str, Any]] = {"tagger": {}, "parser": {}}
_LAST_FOUR = {"freeze": "all", "layers": [-4, -3, -2, -1], "combine": "concat"}
# MiniLM's width times four.
_WIDE = {**LISTENER, "width": 1536}
# For an encoder that was pretrained for a few minutes.
_SMALL = 5e-4

RECIPES: dict[str, Recipe] = {
    "WNUT-17": Recipe(
        dataset="wnut17",
        scores=("ents_f",),
        n_steps=120,
        systems={
            "ours, ner": {"ner": {}},
            f"ours, ner{ONE_RATE}": {"ner": {}},
            "ours, bert_ner softmax": {"bert_ner": {"decoder": "softmax"}},
            "ours, bert_ner crf": {"bert_ner": {"decoder": "crf"}},
            PEER: {"ner": {}},
        },
    ),
    "BC5CDR": Recipe(
        dataset="bc5cdr",
        scores=("ents_f",),
        n_steps=100,
        systems={
            "ours, ner": {"ner": {}},
            f"ours, ner{ONE_RATE}": {"ner": {}},
            "ours, bert_ner crf": {"bert_ner": {"decoder": "crf"}},
            PEER: {"ner": {}},
        },
    ),
    "SST-2": Recipe(
        dataset="sst2",
        scores=("cats_micro_f",),
        n_steps=150,
        split="dev",
        systems={
            "ours, [CLS]": {"textcat": {}},
            "ours, mean": {"textcat": MEAN_TEXTCAT},
            f"ours, mean{ONE_RATE}": {"textcat": MEAN_TEXTCAT},
            PEER: {"textcat": MEAN_TEXTCAT},
            f"{PEER}{FIVE_FOLD}": {"textcat": MEAN_TEXTCAT},
        },
    ),
    "BANKING77": Recipe(
        dataset="banking77",
        scores=("cats_micro_f",),
        n_steps=200,
        systems={
            "ours, [CLS]": {"textcat": {}},
            "ours, mean": {"textcat": MEAN_TEXTCAT},
            f"ours, mean{ONE_RATE}": {"textcat": MEAN_TEXTCAT},
            PEER: {"textcat": MEAN_TEXTCAT},
            f"{PEER}{FIVE_FOLD}": {"textcat": MEAN_TEXTCAT},
        },
    ),
    "UD-EWT": Recipe(
        dataset="ud_ewt",
        scores=("pos_acc", "tag_acc", "dep_las"),
        n_steps=100,
        systems={
            "ours": {"morphologizer": {}, **_TREES},
            f"ours{ONE_RATE}": {"morphologizer": {}, **_TREES},
            PEER: {"morphologizer": {}, **_TREES},
            f"{PEER}{FIVE_FOLD}": {"morphologizer": {}, **_TREES},
        },
    ),
    "GUM": Recipe(
        dataset="gum",
        scores=("spans_sc_f",),
        n_steps=100,
        systems={
            "ours": {"spancat": {}},
            f"ours{ONE_RATE}": {"spancat": {}},
            PEER: {"spancat": {}},
        },
    ),
    "SICK entailment": Recipe(
        dataset="sick_entailment",
        scores=("cats_micro_f",),
        n_steps=140,
        n_docs=32,
        systems={"ours": {"textcat": {}}, HUGGING_FACE: {}},
    ),
    "SICK relatedness": Recipe(
        dataset="sick_relatedness",
        scores=("cats_pearson", "cats_spearman"),
        n_steps=140,
        n_docs=32,
        systems={"ours": {"text_regressor": {}}, HUGGING_FACE: {}},
    ),
    "SQuAD v1.1": Recipe(
        dataset="squad",
        scores=("answers_em", "answers_f"),
        n_steps=200,
        n_docs=8,
        systems={
            "ours": {"extractive_qa": {}},
            f"ours{ONE_RATE}": {"extractive_qa": {}},
            HUGGING_FACE: {},
            f"{HUGGING_FACE}{FIVE_FOLD}": {},
        },
    ),
    # What no peer here does, or where nothing is asked of us but to do it.
    "WNUT-17 frozen": Recipe(
        dataset="wnut17",
        scores=("ents_f",),
        n_steps=120,
        systems={
            "ours, last layer": {"bert_encoder": {"freeze": "all"}, "bert_ner": {}},
            "ours, last four layers": {
                "bert_encoder": _LAST_FOUR,
                "bert_ner": {"tok2vec": _WIDE},
            },
            "ours, mix of the last four": {
                "bert_encoder": _LAST_FOUR,
                "bert_ner": {
                    "tok2vec": {
                        "@architectures": "spacy-bert.LayerMix.v1",
                        "n_layers": 4,
                        "tok2vec": _WIDE,
                    }
                },
            },
        },
    ),
    "CLINC150": Recipe(
        dataset="clinc150",
        scores=("cats_micro_f", "cats_macro_auc"),
        n_steps=200,
        systems={"ours": {"textcat_multilabel": {}}},
    ),
    "SQuAD v2.0": Recipe(
        dataset="squad2",
        scores=("answers_em", "answers_f"),
        n_steps=200,
        n_docs=8,
        systems={"ours": {"extractive_qa": {"cls": {**CLS_LISTENER, "pooled": False}}}},
    ),
    "ChnSentiCorp": Recipe(
        dataset="chnsenticorp",
        scores=("cats_micro_f",),
        n_steps=300,
        n_docs=32,
        learn_rate=_SMALL,
        systems={"ours": {"textcat": {}}},
    ),
    "OCNLI": Recipe(
        dataset="ocnli",
        scores=("cats_micro_f",),
        n_steps=600,
        n_docs=32,
        learn_rate=_SMALL,
        systems={"ours": {"textcat": {}}},
    ),
    "UNER zh": Recipe(
        dataset="uner_zh",
        scores=("ents_f",),
        n_steps=150,
        learn_rate=_SMALL,
        systems={"ours": {"bert_ner": {}}},
    ),
    "CMRC 2018": Recipe(
        dataset="cmrc2018",
        scores=("answers_em", "answers_f"),
        n_steps=200,
        n_docs=8,
        learn_rate=_SMALL,
        systems={"ours": {"extractive_qa": {}}},
    ),
}


def peer_rate(recipe: Recipe, system: str) -> float:
    return recipe.learn_rate * (5 if system.endswith(FIVE_FOLD) else 1)


def make_config(
    recipe: Recipe, system: str, seed: int, checkpoint: Path | None = None
) -> Config:
    """What `spacy train` takes: the same for all systems but for encoder and heads.

    checkpoint: MiniLM by default.
    """
    heads = dict(recipe.systems[system])
    changes = heads.pop("bert_encoder", {})
    lang = language(recipe.dataset)
    config = encoder_config(checkpoint or minilm(), list(heads), lang)
    for head, settings in heads.items():
        model = config["components"][head]["model"]
        if "@architectures" in settings:
            model = {**settings, "tok2vec": dict(LISTENER)}
        else:
            model.update(settings)
        config["components"][head]["model"] = model
    rate = recipe.learn_rate
    encoder = config["components"]["bert_encoder"]["model"]
    # Other datasets' Docs do not have the separator.
    encoder.update(pair_separator=RECORD_SEPARATOR, **changes, max_learn_rate=rate)
    if system.startswith(PEER):
        _put_transformer(config, list(heads))
        rate = peer_rate(recipe, system)
    elif system.endswith(ONE_RATE):
        encoder["learn_rate_factor"] = 1.0
    else:
        rate /= encoder["learn_rate_factor"]
    training = config["training"]
    training.update(max_steps=recipe.n_steps, eval_frequency=recipe.n_steps // 2)
    training["batcher"]["size"] = 1000
    if recipe.n_docs:
        training["batcher"] = {
            "@batchers": "spacy.batch_by_sequence.v1",
            "size": recipe.n_docs,
            "get_length": None,
        }
    training["optimizer"]["learn_rate"].update(
        warmup_steps=recipe.n_steps // 12,
        total_steps=recipe.n_steps,
        initial_rate=rate,
    )
    config["system"]["seed"] = seed
    return config


def _put_transformer(config: Config, heads: list[str]) -> None:
    config["nlp"]["pipeline"] = ["transformer", *heads]
    components = config["components"]
    del components["bert_encoder"]
    for head in heads:
        components[head]["model"]["tok2vec"] = dict(TRANSFORMER_LISTENER)
    components["transformer"] = {
        "factory": "transformer",
        "max_batch_items": 4096,
        "set_extra_annotations": {
            "@annotation_setters": "spacy-transformers.null_annotation_setter.v1"
        },
        "model": transformer_model(),
    }
    config["initialize"]["components"] = {}
    config["paths"]["checkpoint"] = None
