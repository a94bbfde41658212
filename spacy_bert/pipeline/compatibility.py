"""Whether a checkpoint is of the architecture that a pipeline's config names."""

from dataclasses import fields

from ..model.config import BertConfig

# What a checkpoint may differ in: how many pieces it has, and settings of training.
_FREE_FIELDS = {
    "vocab_size",
    "initializer_range",
    "hidden_dropout_prob",
    "attention_dropout_prob",
}


def check_architecture(
    expected: BertConfig, found: BertConfig, *, source: str, component: str | None
) -> None:
    """Raise ValueError if the two name different architectures.

    component: the name of the encoder in its pipeline, if it is known.
    """
    differences = [
        f"{field.name} = {getattr(expected, field.name)!r} in the config, "
        f"{getattr(found, field.name)!r} in the checkpoint"
        for field in fields(BertConfig)
        if field.name not in _FREE_FIELDS
        and getattr(expected, field.name) != getattr(found, field.name)
    ]
    if differences:
        model = f"[components.{component}.model]" if component else "the model"
        raise ValueError(
            f"{source}: the checkpoint is of another architecture than {model}: "
            f"{'; '.join(differences)}. Copy the "
            "checkpoint's values into the config, or write a new config with "
            "'spacy bert init-config'."
        )
