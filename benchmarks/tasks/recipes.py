"""Rows of the table: which data, which heads, which systems, by which recipe."""

from collections.abc import Mapping
from typing import Any

from spacy_bert.tasks.starter_config import CLS_LISTENER, LISTENER

from ..fine_tuning.recipe import FIVE_FOLD, ONE_RATE, PEER, Recipe
from ..spacy_runs import MEAN_TEXTCAT

HUGGING_FACE = "transformers, Trainer"

Heads = Mapping[str, Mapping[str, Any]]


def _compared(ours: str, heads: Heads, *, five_fold: bool = False) -> dict[str, Heads]:
    """The same heads on our encoder and on the peer's, with both kinds of rates."""
    systems = {ours: heads, f"{ours}{ONE_RATE}": heads, PEER: heads}
    return systems | ({f"{PEER}{FIVE_FOLD}": heads} if five_fold else {})


_CRF = {"ours, bert_ner crf": {"bert_ner": {"decoder": "crf"}}}
_TREES: Heads = {"morphologizer": {}, "tagger": {}, "parser": {}}
_TEXTCATS: dict[str, Heads] = {
    "ours, [CLS]": {"textcat": {}},
    **_compared("ours, mean", {"textcat": MEAN_TEXTCAT}, five_fold=True),
}
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
            **_compared("ours, ner", {"ner": {}}),
            "ours, bert_ner softmax": {"bert_ner": {"decoder": "softmax"}},
            **_CRF,
        },
    ),
    "BC5CDR": Recipe(
        dataset="bc5cdr",
        scores=("ents_f",),
        n_steps=100,
        systems={**_compared("ours, ner", {"ner": {}}), **_CRF},
    ),
    "SST-2": Recipe(
        dataset="sst2",
        scores=("cats_micro_f",),
        n_steps=150,
        split="dev",
        systems=_TEXTCATS,
    ),
    "BANKING77": Recipe(
        dataset="banking77", scores=("cats_micro_f",), n_steps=200, systems=_TEXTCATS
    ),
    "UD-EWT": Recipe(
        dataset="ud_ewt",
        scores=("pos_acc", "tag_acc", "dep_las"),
        n_steps=100,
        systems=_compared("ours", _TREES, five_fold=True),
    ),
    "GUM": Recipe(
        dataset="gum",
        scores=("spans_sc_f",),
        n_steps=100,
        systems=_compared("ours", {"spancat": {}}),
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
