"""A row, a system and a seed -> what is stored of it.

Not in `__main__`, which a new process does not import.
"""

from dataclasses import replace
from pathlib import Path

from ..fine_tuning.datasets import language
from ..fine_tuning.recipe import peer_rate
from ..fine_tuning.training import run
from ..store import Result
from .chinese_bert import chinese_bert
from .recipes import HUGGING_FACE, RECIPES


def fine_tune(*, row: str, system: str, seed: int, data: Path, work: Path) -> Result:
    recipe = RECIPES[row]
    if system.startswith(HUGGING_FACE):
        from . import hugging_face

        tuned = replace(recipe, learn_rate=peer_rate(recipe, system))
        return hugging_face.run(tuned, seed, data=data, work=work)
    is_chinese = language(recipe.dataset) == "zh"
    checkpoint = chinese_bert(data, work) if is_chinese else None
    return run(recipe, system, seed, data=data, work=work, checkpoint=checkpoint)
