"""The two projects: how an encoder is pretrained, and what is trained on it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..fine_tuning.recipe import Recipe

PRETRAINED, RANDOM = "pretrained", "random weights"
E5 = "multilingual-e5-small, frozen embeddings"
CONTINUED, MINILM = "MiniLM continued", "MiniLM"

# Small encoders that were trained little need more than BERT-base's 5e-5.
_LARGE_RATE = 5e-4


@dataclass(frozen=True, kw_only=True)
class Project:
    """config: the file of the pretraining; overrides: what is changed in it; minutes:
    of its steps. rows: what is trained on the encoder, and how many seeds of it."""

    name: str
    config: str
    overrides: Mapping[str, Any]
    minutes: float
    rows: Mapping[str, tuple[Recipe, int]]

    def part(self, row: str) -> str:
        return f"{self.name}: {row}"


def _next_to_others(head: str) -> dict[str, dict[str, dict[str, Any]]]:
    frozen = {head: {}, "bert_encoder": {"freeze": "embeddings"}}
    return {PRETRAINED: {head: {}}, RANDOM: {head: {}}, E5: frozen}


CHINESE = Project(
    name="Chinese project",
    config="configs/pretrain-zh.cfg",
    overrides={},
    minutes=60,
    rows={
        # First, as it takes longest: two epochs of 2,000 questions.
        "CMRC 2018": (
            Recipe(
                dataset="cmrc2018_part",
                scores=("answers_em", "answers_f"),
                n_steps=500,
                n_docs=8,
                learn_rate=_LARGE_RATE,
                systems=_next_to_others("extractive_qa"),
            ),
            1,
        ),
        # An epoch of 9,600 texts.
        "ChnSentiCorp": (
            Recipe(
                dataset="chnsenticorp",
                scores=("cats_micro_f",),
                n_steps=300,
                n_docs=32,
                learn_rate=_LARGE_RATE,
                systems=_next_to_others("textcat"),
            ),
            3,
        ),
        # Some three epochs of 3,997 sentences.
        "UNER zh": (
            Recipe(
                dataset="uner_zh",
                scores=("ents_f",),
                n_steps=330,
                learn_rate=_LARGE_RATE,
                systems=_next_to_others("bert_ner"),
            ),
            3,
        ),
    },
)

DOMAIN = Project(
    name="Domain project",
    config="configs/pretrain-continue.cfg",
    overrides={
        "corpus.sentences": "lines",
        "vocabulary.extend_vocab": 1000,
        # MiniLM has no head for pairs, and the text no borders of documents.
        "pretraining.next_sentence": "none",
        "pretraining.masking": "words",
    },
    minutes=30,
    rows={
        # Some four epochs of 4,560 sentences.
        "BC5CDR": (
            Recipe(
                dataset="bc5cdr",
                scores=("ents_f",),
                n_steps=600,
                systems={
                    CONTINUED: {"bert_ner": {"decoder": "crf"}},
                    MINILM: {"bert_ner": {"decoder": "crf"}},
                },
            ),
            3,
        )
    },
)

PROJECTS = {"chinese": CHINESE, "domain": DOMAIN}


def recipe_for(recipe: Recipe, system: str, *, n_steps: int | None = None) -> Recipe:
    """A large encoder that was trained for long gets a smaller rate."""
    rate = 2e-4 if system == E5 else recipe.learn_rate
    return replace(recipe, learn_rate=rate, n_steps=n_steps or recipe.n_steps)
