"""A `config.json` -> the settings of a BERT, if it is one that we compute as it is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..tokenization import read_settings
from .wrong_folder import describe_folder

# What the BertConfig of `transformers` has for keys that a file leaves out. Sizes have
# no default here: who leaves them out has another file.
_DEFAULTS: Mapping[str, Any] = {
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
    "layer_norm_eps": 1e-12,
    "initializer_range": 0.02,
}
_SIZES = (
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
)
# Other names for the same function, by `transformers.activations`.
_ACTIVATIONS = {
    "gelu_python": "gelu",
    "gelu_fast": "gelu_new",
    "gelu_accurate": "gelu_new",
    "swish": "silu",
}


def read_config_file(path: Path) -> dict[str, Any]:
    """Its settings, with defaults for what it leaves out.

    Raises ValueError if it is not a BERT's, or of a BERT that computes something else.
    """
    settings = read_settings(path)
    _refuse_others(settings, path)
    missing = [name for name in _SIZES if name not in settings]
    if missing:
        raise ValueError(
            f"{path} lacks {', '.join(missing)}. Take the config.json that was saved "
            f"with the weights.{describe_folder(path.parent)}"
        )
    settings = {**_DEFAULTS, **settings}
    activation = settings["hidden_act"]
    if isinstance(activation, str):
        settings["hidden_act"] = _ACTIVATIONS.get(activation, activation)
    # spacy-transformers writes 1e-12 with too few digits for it, as 0.0.
    if settings["layer_norm_eps"] == 0.0:
        settings["layer_norm_eps"] = _DEFAULTS["layer_norm_eps"]
    return settings


def _refuse_others(settings: Mapping[str, Any], path: Path) -> None:
    model_type = settings.get("model_type", "bert")
    if model_type != "bert":
        raise ValueError(
            f"{path}: expected model_type 'bert', got {model_type!r}. "
            "Only BERT checkpoints can be loaded."
        )
    positions = settings.get("position_embedding_type", "absolute")
    if positions != "absolute":
        raise ValueError(
            f"{path}: expected absolute position embeddings, got {positions!r}. "
            "spacy-transformers can load a BERT of 'relative_key' or "
            "'relative_key_query', with a version of transformers that has them; other "
            "kinds need the code that comes with the model."
        )
    for name in ("is_decoder", "add_cross_attention"):
        if settings.get(name):
            raise ValueError(
                f"{path}: expected an encoder, got {name} = {settings[name]!r}: a "
                "decoder, whose pieces see those before them alone. If you want "
                "its weights to read to both sides, which they were not trained for, "
                f"set {name} to false."
            )
    architectures = settings.get("architectures")
    if isinstance(architectures, list) and "BertLMHeadModel" in architectures:
        raise ValueError(
            f"{path}: expected an encoder, got architectures = {architectures!r}: "
            "BertLMHeadModel predicts the next piece. If its weights are those of an "
            "encoder all the same, change architectures to ['BertForMaskedLM']."
        )
