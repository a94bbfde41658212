"""A checkpoint and the names of heads -> a full training config, with comments."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from textwrap import wrap
from typing import Any

from spacy import util
from thinc.api import Config

from ..checkpoint.loading import has_trained_pooler
from ..checkpoint.resolving import resolve_checkpoint
from ..pipeline.bert_encoder import DEFAULT_CONFIG
from ..pipeline.from_checkpoint import read_architecture
from ..pipeline.listeners import CLS_LISTENER, LISTENER, with_listener
from ..pipeline.segments import RECORD_SEPARATOR
from .ner import component as ner
from .qa import component as qa
from .text import component as text

_TRANSITIONS = {
    "@architectures": "spacy.TransitionBasedParser.v2",
    "tok2vec": LISTENER,
    "extra_state_tokens": False,
    "hidden_width": 64,
    "maxout_pieces": 2,
    "use_upper": False,
}
_CLS_CLASSES = {
    "@architectures": "spacy-bert.TextCatCls.v1",
    "tok2vec": CLS_LISTENER,
}
_TAGGER = {"@architectures": "spacy.Tagger.v2", "tok2vec": LISTENER}

# The config of each head, spaCy's and ours.
HEADS: Mapping[str, Mapping[str, Any]] = {
    "textcat": {"model": {**_CLS_CLASSES, "exclusive_classes": True}},
    "textcat_multilabel": {"model": {**_CLS_CLASSES, "exclusive_classes": False}},
    "text_regressor": {"model": text.DEFAULT_MODEL},
    "extractive_qa": {"model": qa.DEFAULT_MODEL},
    "bert_ner": {"model": ner.DEFAULT_MODEL},
    "ner": {"model": {**_TRANSITIONS, "state_type": "ner"}},
    "parser": {"model": {**_TRANSITIONS, "state_type": "parser"}},
    "tagger": {"model": _TAGGER},
    "morphologizer": {"model": _TAGGER},
    "trainable_lemmatizer": {"model": _TAGGER},
    "senter": {"model": _TAGGER},
    "span_finder": {
        "spans_key": "sc",
        "max_length": 6,
        "model": {
            "@architectures": "spacy.SpanFinder.v1",
            "tok2vec": LISTENER,
            "scorer": {"@layers": "spacy.LinearLogistic.v1", "nO": 2},
        },
    },
    "spancat": {
        "spans_key": "sc",
        "suggester": {
            "@misc": "spacy.ngram_range_suggester.v1",
            "min_size": 1,
            "max_size": 6,
        },
        "model": {
            "@architectures": "spacy.SpanCategorizer.v1",
            "tok2vec": LISTENER,
            "reducer": {"@layers": "spacy.mean_max_reducer.v1", "hidden_size": 128},
            "scorer": {"@layers": "spacy.LinearLogistic.v1"},
        },
    },
}

# What people call the tasks of the BERT paper and of spaCy -> heads. "features" leaves
# the encoder as it is, and takes its last four layers (Devlin et al. 2018, 5.3).
TASKS: Mapping[str, Sequence[str]] = {
    "classification": ["textcat"],
    "multilabel": ["textcat_multilabel"],
    "pairs": ["textcat"],
    "similarity": ["text_regressor"],
    "questions": ["extractive_qa"],
    "entities": ["bert_ner"],
    "features": ["bert_ner"],
    "tagging": ["tagger", "morphologizer", "trainable_lemmatizer"],
    "parsing": ["parser", "tagger"],
    "spans": ["spancat"],
}

# The tasks whose Docs are pairs of texts.
_PAIR_TASKS = {"pairs", "similarity", "questions"}

# Each would overwrite what the other says, or refuse the Docs it learns from.
_RIVALS = [
    ("ner", "bert_ner"),
    *combinations(("textcat", "textcat_multilabel", "text_regressor"), 2),
]

# spaCy's Chinese tokens are characters. 99 % of CMRC 2018's answers have at most 91.
_CHINESE_ANSWERS = {
    "max_answer_tokens": 100,
    "scorer": {
        "@scorers": "spacy-bert.extractive_qa_scorer.v1",
        "metric": "cmrc",
    },
}

# The heads' learning rate over the encoder's. With one rate for both, a classifier
# over 77 classes is far from done when the encoder is (benchmarks/LOG.md).
HEAD_RATE = 10

_N_FEATURE_LAYERS = 4

# "section.key" -> the comment above it in the file.
COMMENTS = {
    "paths": "Given on the command line: --paths.train ... --paths.dev ...",
    "components.bert_encoder.model": (
        "The numbers of the architecture are the checkpoint's; they are compared with "
        "its config.json when training starts."
    ),
    "components.bert_encoder.model.window_width": (
        "Pieces a sequence may have; null is 256. Longer Docs are cut into overlapping "
        "windows."
    ),
    "components.bert_encoder.model.freeze": (
        "What is not trained: none, embeddings, all, or a number: the embeddings and "
        "so many layers from the bottom."
    ),
    "components.bert_encoder.model.pair_separator": (
        "What is between the two texts of a pair, as make_pair_doc and the readers "
        "write it; null reads every Doc as one text."
    ),
    "components.spancat.suggester": "Longer spans than max_size are never found.",
    "components.span_finder": "Longer spans than max_length are never found.",
    "components.extractive_qa": "Answers of more than max_answer_tokens are lost.",
    "components.extractive_qa.model": (
        "If some questions have no answer: instead of cls = null a section "
        "[components.extractive_qa.model.cls], a spacy-bert.ClsListener.v1."
    ),
    "training.dropout": "Holds inside the encoder too.",
    "training.before_to_disk": "Leaves the [paths] out of the saved pipeline.",
    "training.batcher": "Counts in tokens, padded to the longest Doc of the batch.",
    "components.bert_encoder.model.learn_rate_factor": (
        "The encoder's learning rate over that of the heads, which start from nothing."
    ),
    "components.bert_encoder.model.max_learn_rate": (
        "What the encoder's learning rate never exceeds; null is 5e-5 for BERT-base, "
        "and more for narrower encoders."
    ),
    "training.optimizer.learn_rate": (
        "Of the heads. Smaller encoders bear, and need, higher rates."
    ),
    "initialize.components.bert_encoder.checkpoint": (
        "Where the pretrained weights are; null draws random ones."
    ),
    "initialize.components.bert_encoder.lowercase": (
        "null: as the checkpoint says; false for a cased one that says nothing."
    ),
    **{
        f"components.{head}.model.tok2vec.pooled": (
            "Through the checkpoint's pooler; false if nothing ever trained it."
        )
        for head in HEADS
    },
}


def task_config(checkpoint: str | Path, *, task: str, lang: str = "en") -> str:
    """As `starter_config`, of the TASKS. Raises ValueError for another one."""
    if task not in TASKS:
        raise ValueError(f"Expected a task out of {', '.join(TASKS)}; got {task}.")
    n_layers = _N_FEATURE_LAYERS if task == "features" else 0
    return starter_config(
        checkpoint,
        heads=TASKS[task],
        lang=lang,
        n_frozen=n_layers,
        has_pairs=task in _PAIR_TASKS,
    )


def starter_config(
    checkpoint: str | Path,
    *,
    heads: Sequence[str],
    lang: str = "en",
    n_frozen: int = 0,
    has_pairs: bool = False,
) -> str:
    """A config that `spacy train` takes as it is, given paths.train and paths.dev.

    checkpoint: as `resolve_checkpoint` takes it; the config names it in the same way.
    n_frozen: of an encoder that is not trained, so many of the last layers give each
        token its vector, end to end; 0 trains it, and takes the last layer's.
    has_pairs: Docs are pairs of texts, as those of extractive_qa always are.

    Raises ValueError for a head that is not known or does not go with another one,
    FileNotFoundError or ValueError if it is not a BERT checkpoint.
    """
    unknown = [head for head in heads if head not in HEADS]
    if unknown or not heads:
        raise ValueError(
            f"Expected heads out of {', '.join(HEADS)}; got "
            f"{', '.join(unknown) or 'none'}."
        )
    twice = [head for head in HEADS if heads.count(head) > 1]
    if twice:
        raise ValueError(f"Expected each head once, got {', '.join(twice)} twice.")
    for rivals in _RIVALS:
        if set(rivals) <= set(heads):
            raise ValueError(
                f"Expected {' or '.join(rivals)}, got both, which write the same part "
                "of a Doc."
            )
    path = resolve_checkpoint(checkpoint)
    architecture = read_architecture(path)
    components: dict[str, Any] = {
        "bert_encoder": {
            "factory": "bert_encoder",
            "model": {
                **DEFAULT_CONFIG["model"],
                **architecture,
                "learn_rate_factor": 1 / HEAD_RATE,
            },
        }
    }
    if has_pairs or "extractive_qa" in heads:
        components["bert_encoder"]["model"]["pair_separator"] = RECORD_SEPARATOR
    token_listener: dict[str, Any] = {}
    if n_frozen:
        n_layers = min(n_frozen, architecture["n_layers"])
        features = {"layers": list(range(-n_layers, 0)), "combine": "concat"}
        components["bert_encoder"]["model"].update(freeze="all", **features)
        token_listener = {"width": n_layers * architecture["hidden_width"]}
    cls_listener = {"pooled": has_trained_pooler(path)}
    for head in heads:
        reads_cls = HEADS[head]["model"]["tok2vec"] == CLS_LISTENER
        listener = cls_listener if reads_cls else token_listener
        components[head] = {"factory": head, **head_config(head, **listener)}
        if head == "extractive_qa" and lang == "zh":
            components[head].update(_CHINESE_ANSWERS)
    config = Config(
        {
            "paths": {"train": None, "dev": None, "checkpoint": str(checkpoint)},
            "nlp": {
                "lang": lang,
                "pipeline": list(components),
                # Docs that go through the pipeline together.
                "batch_size": 128,
            },
            "components": components,
            "training": training_settings(architecture["hidden_width"]),
            "initialize": {
                "components": {
                    "bert_encoder": {
                        "checkpoint": "${paths.checkpoint}",
                        "lowercase": None,
                    }
                }
            },
        }
    )
    try:
        nlp = util.load_model_from_config(config, auto_fill=True)
    except ImportError as error:
        raise ValueError(f"Expected a language that spaCy knows: {error}") from error
    return annotate(nlp.config.to_str(), COMMENTS)


def head_config(head: str, **listener: Any) -> dict[str, Any]:
    """What `nlp.add_pipe` takes as a head's config.

    listener: what differs in its listener, such as its width.
    """
    config = HEADS[head]
    return {**config, "model": with_listener(config["model"], **listener)}


def annotate(config: str, comments: Mapping[str, str]) -> str:
    """Put each comment above its section or key."""
    lines: list[str] = []
    section = ""
    for line in config.splitlines():
        name = ""
        if line.startswith("["):
            name = section = line.strip("[]")
        elif "=" in line:
            name = f"{section}.{line.split('=')[0].strip()}"
        if name in comments:
            lines.extend(f"# {part}" for part in wrap(comments[name], width=86))
        lines.append(line)
    return "\n".join(lines) + "\n"


def training_settings(hidden_width: int) -> dict[str, Any]:
    """[training] for heads that start from nothing on a pretrained encoder."""
    return {
        "accumulate_gradient": 1,
        "max_steps": 2000,
        "eval_frequency": 200,
        "patience": 0,
        # Something that moves between evaluations, which can be minutes apart.
        "logger": {"@loggers": "spacy.ConsoleLogger.v1", "progress_bar": True},
        "before_to_disk": {"@callbacks": "spacy-bert.forget_paths.v1"},
        "batcher": {
            "@batchers": "spacy.batch_by_padded.v1",
            "discard_oversize": False,
            "size": 2000,
            "buffer": 256,
        },
        "optimizer": {
            "@optimizers": "Adam.v1",
            "grad_clip": 1.0,
            "L2": 0.01,
            "L2_is_weight_decay": True,
            "learn_rate": {
                "@schedules": "spacy-bert.warmup_linear.v1",
                "warmup_ratio": 0.1,
                "total_steps": "${training.max_steps}",
                # BERT-base is fine-tuned with 2e-5 to 5e-5 (Devlin et al. 2018, A.3).
                "initial_rate": round(HEAD_RATE * 5e-5 * 768 / hidden_width, 6),
            },
        },
    }
