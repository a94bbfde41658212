"""Data, heads and numbers of steps, as in `benchmarks.tasks`."""

from dataclasses import replace

from spacy_bert.tasks.starter_config import CLS_LISTENER

from ..fine_tuning.recipe import Recipe

OURS = "ours"
_CLS = {"tok2vec": {**CLS_LISTENER, "pooled": False}}

RECIPES = {
    "WNUT-17": Recipe(
        dataset="wnut17",
        scores=("ents_f",),
        n_steps=120,
        systems={OURS: {"bert_ner": {}}},
    ),
    "BC5CDR": Recipe(
        dataset="bc5cdr",
        scores=("ents_f",),
        n_steps=100,
        systems={OURS: {"bert_ner": {}}},
    ),
    "SST-2": Recipe(
        dataset="sst2",
        scores=("cats_micro_f",),
        n_steps=150,
        systems={OURS: {"textcat": _CLS}},
    ),
    "CLINC150": Recipe(
        dataset="clinc151",
        scores=("cats_micro_f",),
        n_steps=200,
        systems={OURS: {"textcat": _CLS}},
    ),
    "CLINC150, a sigmoid each": Recipe(
        dataset="clinc150",
        scores=("cats_micro_f",),
        n_steps=200,
        systems={OURS: {"textcat_multilabel": _CLS}},
    ),
}


def recipe_of(row: str, n_steps: int | None) -> Recipe:
    """n_steps: for a trial."""
    recipe = RECIPES[row]
    return replace(recipe, n_steps=n_steps or recipe.n_steps)
