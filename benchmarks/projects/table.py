"""Stored results -> a table for each project."""

from collections.abc import Iterator, Mapping

from ..store import Parts
from ..tables import Section, seeds_table
from .encoders import GUESS
from .recipes import E5, MINILM, PROJECTS, RANDOM, Project

PRETRAINING = "pretraining"
_TEXTS: Mapping[str, str] = {
    "chinese": (
        "A BERT (L4 H256) that `configs/pretrain-zh.cfg` pretrains on `wiki_zh` for an "
        "hour on two cores with whole-word masks, then the same heads on it, on random "
        f"weights of its architecture, and on {E5} (L12 H384, rounded to 4 bits and "
        "back), by `python -m benchmarks.projects DATA WORK --only chinese`. "
        "ChnSentiCorp and UNER zh whole; of CMRC 2018, 2,000 training questions. "
        "Differences are from random weights."
    ),
    "domain": (
        "MiniLM (L6 H384) as it is, and after half an hour of pretraining on two cores "
        "on BC5CDR's training sentences with 1,000 new pieces, then the same head on "
        "both, by `python -m benchmarks.projects DATA WORK --only domain`. Differences "
        "are from MiniLM as it is."
    ),
}
_COMMON = (
    " Scores in percent on the test data, the mean of the seeds and half of their "
    "range; MLM losses on held-out text in nats. Minutes are those of one core, for "
    "training and scoring on dev."
)
_PRETRAINING_SCORES = {"MLM loss": 2, "NSP accuracy": 1}


def sections(parts: Parts) -> Iterator[Section]:
    for name, project in PROJECTS.items():
        known = _in_order(project, parts)
        scores = {
            project.part(row): dict.fromkeys(recipe.scores, 1)
            for row, (recipe, _) in project.rows.items()
        }
        pretraining = {project.part(PRETRAINING): _PRETRAINING_SCORES}
        tables = [
            seeds_table(known, pretraining, peers=(GUESS,)),
            seeds_table(known, scores, peers=(RANDOM, MINILM), minutes="core minutes"),
        ]
        yield Section(
            title=project.name,
            text=_TEXTS[name] + _COMMON,
            parts=known,
            table="\n\n".join(tables),
        )


def _in_order(project: Project, parts: Parts) -> Parts:
    names = [project.part(row) for row in (PRETRAINING, *project.rows)]
    return {name: parts[name] for name in names if name in parts}
