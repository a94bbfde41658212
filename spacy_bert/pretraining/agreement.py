"""What the sections of a config ask of each other."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from ..checkpoint.loading import read_config
from ..checkpoint.resolving import expand, name_folder, resolve_checkpoint
from ..model import BertConfig
from ..sections import Mistake, Mistakes, MistakesError, read_section
from .model_size import check_memory


def check_own_vocabulary(extend_vocab: int, mistakes: Mistakes) -> None:
    mistakes.expect(
        extend_vocab == 0,
        setting="[vocabulary] extend_vocab",
        expected="0 if there is no [pretraining] checkpoint to extend",
        got=extend_vocab,
        needs=["[pretraining] checkpoint"],
    )


def check_checkpoint_vocabulary(path: str, checkpoint: str, mistakes: Mistakes) -> None:
    if path not in (checkpoint, name_folder(checkpoint)) and not expand(path).exists():
        mistakes.add(
            Mistake(
                f"[vocabulary] path: expected none next to [pretraining] checkpoint = "
                f"{checkpoint!r}, which has a vocabulary of its own, got "
                f"{path!r}, where there is nothing. Leave path out (on the "
                "command line: --vocabulary.path null).",
                ("[vocabulary] path",),
            )
        )


def check_model(
    bert: BertConfig,
    *,
    next_sentence: str,
    lengths: Mapping[str, int | None],
    mistakes: Mistakes,
) -> None:
    """What the model and the way that it is trained ask of each other.

    lengths: of sequences, by their keys in [pretraining].
    """
    mistakes.expect(
        bert.n_segments > 1 or next_sentence == "none",
        setting="[model] n_segments",
        expected="2, as pairs have two segments (next_sentence = 'none' has one)",
        got=bert.n_segments,
        needs=["[pretraining] next_sentence"],
    )
    for name, length in lengths.items():
        mistakes.expect(
            length is None or length <= bert.max_positions,
            setting=f"[pretraining] {name}",
            expected=f"at most [model] max_positions = {bert.max_positions}",
            got=length,
        )


def new_config(model: Any, vocab_size: int) -> BertConfig:
    """[model], whose vocabulary has that size if it does not say another.

    Raises ValueError if a number is impossible or no memory holds such a model.
    """
    given = {} if model is None else model
    if isinstance(given, Mapping):
        given = {**given, "vocab_size": given.get("vocab_size") or vocab_size}
    bert = read_section(BertConfig, given, section="model")
    check_memory(bert)
    return bert


def checkpoint_config(checkpoint: str, model: Any) -> BertConfig:
    """The checkpoint's numbers, with the dropout that [model] asks for.

    checkpoint: as `resolve_checkpoint` takes it.

    Raises ValueError if it is no checkpoint, or [model] says something else.
    """
    try:
        bert = read_config(resolve_checkpoint(checkpoint, with_weights=False))
    except (ValueError, OSError) as error:
        setting = "[pretraining] checkpoint"
        raise MistakesError([Mistake(f"{setting}: {error}", (setting,))]) from error
    given = {} if model is None else model
    if isinstance(given, Mapping):
        given = {**asdict(bert), **given}
    asked = read_section(BertConfig, given, section="model")
    dropout = {
        name: getattr(asked, name)
        for name in ("hidden_dropout_prob", "attention_dropout_prob")
    }
    bert = replace(bert, **dropout)
    differences = [
        f"{name} = {getattr(asked, name)!r} (expected {value!r})"
        for name, value in asdict(bert).items()
        if getattr(asked, name) != value
    ]
    if differences:
        raise ValueError(
            f"[model]: expected the numbers of the checkpoint {checkpoint}, got "
            f"{', '.join(differences)}. Leave them out: the checkpoint knows them."
        )
    return bert
