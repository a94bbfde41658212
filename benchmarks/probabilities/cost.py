"""What confidence costs: words a second of `nlp.pipe` with it and without."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import spacy
from spacy.tokens import DocBin

from spacy_bert.tasks.ner.model import Decoder

from ..fine_tuning.training import trained
from ..measuring import rates
from .recipes import OURS, recipe_of

ROW = "WNUT-17"
WITHOUT, WITH, ALTERNATIVES = "without confidence", "confidence", "and 5 alternatives"
_SETTINGS: dict[str, dict[str, Any]] = {
    WITHOUT: {"confidence": False},
    WITH: {},
    ALTERNATIVES: {"n_alternatives": 5},
}
WORDS = "words/s"


def measure_cost(
    data: Path, work: Path, n_rounds: int, n_steps: int | None = None
) -> dict[str, dict[str, dict[str, float]]]:
    """Decoder -> system -> WORDS, on WNUT-17's test sentences."""
    recipe = recipe_of(ROW, n_steps)
    rows = {}
    for decoder in get_args(Decoder):

        def change(config: Any, decoder: str = decoder) -> None:
            config["components"]["bert_ner"]["model"]["decoder"] = decoder

        with trained(
            recipe, OURS, 0, data=data, work=work, label=f", {decoder}", change=change
        ) as (path, _):
            test = work / recipe.dataset / "test.spacy"
            docs = list(DocBin().from_disk(test).get_docs(spacy.blank("en").vocab))
            texts = [doc.text for doc in docs]
            runs = {
                name: _predict(path, texts, settings)
                for name, settings in _SETTINGS.items()
            }
            n_words = sum(len(doc) for doc in docs)
            rows[decoder] = rates(WORDS, n_words, runs, n_rounds=n_rounds)
    return rows


def _predict(
    path: Path, texts: list[str], settings: dict[str, Any]
) -> Callable[[], object]:
    nlp = spacy.load(path, config={"components": {"bert_ner": settings}})
    return lambda: list(nlp.pipe(texts))
