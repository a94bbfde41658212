"""A BERT in a folder: the Hugging Face layout <-> our modules.

The folder holds `config.json`, `model.safetensors`, `vocab.txt`, `tokenizer.json` and
`tokenizer_config.json`. What is written here `transformers` loads, and the other way
round; `pytorch_model.bin` is read too, never written, as it holds pickled objects. An
encoder of 8-bit weights, which only we load, has `model.int8.safetensors` instead.
"""

import json
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from .hugging_face import (
    Module,
    build_from_hugging_face,
    load_hugging_face,
    to_hugging_face,
)
from .hugging_face_names import CONFIG_KEYS
from .model.config import BertConfig
from .model.encoder import BertEncoder
from .model.heads import BertForPretraining
from .model.quantized import is_quantized, quantize
from .pretraining_heads import PretrainingHeads
from .record import PretrainingRecord
from .tokenization import PieceTokenizer, load_tokenizer, read_settings
from .weights import QUANTIZED_FILE, WEIGHTS_FILE, read_tensors

CONFIG_FILE = "config.json"

# Whether there is an MLM head, and an NSP head -> the class that has just these.
_THEIR_CLASSES = {
    (False, False): "BertModel",
    (True, False): "BertForMaskedLM",
    (False, True): "BertForNextSentencePrediction",
    (True, True): "BertForPreTraining",
}


def read_config(path: Path) -> BertConfig:
    """The architecture in `config.json`. Raises ValueError if it is not a BERT's."""
    config_path = path / CONFIG_FILE
    if not config_path.is_file():
        raise FileNotFoundError(
            f"{path}: no {CONFIG_FILE}. Expected a folder in the Hugging Face BERT "
            f"layout ({CONFIG_FILE}, {WEIGHTS_FILE}, vocab.txt).{_name_nearby(path)}"
        )
    raw = read_settings(config_path)
    if raw.get("model_type", "bert") != "bert":
        raise ValueError(
            f"{config_path}: expected model_type 'bert', got {raw['model_type']!r}. "
            "Only BERT checkpoints can be loaded."
        )
    if raw.get("position_embedding_type", "absolute") != "absolute":
        raise ValueError(
            f"{config_path}: expected absolute position embeddings, got "
            f"{raw['position_embedding_type']!r}."
        )
    missing = [theirs for theirs in CONFIG_KEYS.values() if theirs not in raw]
    # These two are absent from old configs, which have the paper's values.
    missing = [k for k in missing if k not in ("layer_norm_eps", "initializer_range")]
    if missing:
        raise ValueError(f"{config_path} lacks {', '.join(missing)}.")
    try:
        return BertConfig(
            **{our: raw[their] for our, their in CONFIG_KEYS.items() if their in raw}
        )
    except ValueError as error:
        raise ValueError(f"{config_path}: {error}") from error


def save_checkpoint(
    path: Path,
    module: BertEncoder | BertForPretraining,
    tokenizer: PieceTokenizer,
    *,
    record: PretrainingRecord | None = None,
    heads: PretrainingHeads | None = None,
    has_pooler: bool = True,
) -> None:
    """Write the folder; `transformers` reads it as BertModel or BertForPreTraining.

    record: how it was pretrained, for those that measure it or continue.
    heads: what goes with an encoder that has none, its record included.
    has_pooler: whether the pooler is written.
    """
    heads = heads or PretrainingHeads()
    has_all = isinstance(module, BertForPretraining)
    has_mlm, has_nsp = has_all or heads.has("mlm"), has_all or heads.has("nsp")
    save_description(
        path,
        module.config,
        tokenizer,
        architecture=_THEIR_CLASSES[has_mlm, has_nsp],
        record=record or heads.record,
    )
    tensors = {**to_hugging_face(module), **heads.tensors}
    if not has_pooler:
        tensors = {n: t for n, t in tensors.items() if "bert.pooler." not in n}
    # Not written over: a pipeline may have mapped the old file into its memory.
    new = path / "new.safetensors"
    save_file(tensors, new, metadata={"format": "pt"})
    # safetensors lets nobody but the owner read it.
    new.chmod((path / CONFIG_FILE).stat().st_mode)
    name, other = WEIGHTS_FILE, QUANTIZED_FILE
    if isinstance(module, BertEncoder) and is_quantized(module):
        name, other = other, name
    new.replace(path / name)
    (path / other).unlink(missing_ok=True)


def save_description(
    path: Path,
    config: BertConfig,
    tokenizer: PieceTokenizer,
    *,
    architecture: str = "BertModel",
    record: PretrainingRecord | None = None,
) -> None:
    """Write all but the weights: `config.json` and the tokenizer.

    architecture: the class of `transformers` that has just these weights.
    """
    path.mkdir(parents=True, exist_ok=True)
    settings: dict[str, Any] = {
        theirs: getattr(config, ours) for ours, theirs in CONFIG_KEYS.items()
    }
    settings["model_type"] = "bert"
    settings["architectures"] = [architecture]
    settings["pad_token_id"] = tokenizer.pad_id
    if record is not None:
        settings |= record.to_json()
    (path / CONFIG_FILE).write_text(
        json.dumps(settings, indent=2) + "\n", encoding="utf8"
    )
    tokenizer.save(path)


def load_encoder(path: Path) -> tuple[BertEncoder, PieceTokenizer]:
    """Return the encoder of a folder and its vocabulary.

    Weights of more than `MAPPED_ABOVE` bytes stay in their file, mapped into memory.
    Replace such a file rather than write over it.
    """
    if (path / QUANTIZED_FILE).is_file():
        return _load(path, build_quantized, QUANTIZED_FILE)[:2]
    return _load(path, BertEncoder, WEIGHTS_FILE)[:2]


def build_quantized(config: BertConfig) -> BertEncoder:
    return quantize(BertEncoder(config))


def load_pretraining_model(path: Path) -> tuple[BertForPretraining, PieceTokenizer]:
    """Return the encoder with its two heads, and its vocabulary.

    Raises ValueError if the folder has no such heads.
    """
    return _load(path, BertForPretraining, WEIGHTS_FILE)[:2]


# Weights that are made in inference mode can never be trained, nor can it be seen
# whether they have changed, so a caller's mode does not hold where they are made.
@torch.inference_mode(False)
def _load(
    path: Path,
    make_module: Callable[[BertConfig], Module],
    name: str,
    fill_heads: Collection[str] = (),
) -> tuple[Module, PieceTokenizer, list[str]]:
    """The module, the vocabulary, and the submodules that start from random weights."""
    config = read_config(path)
    tokenizer = load_checkpoint_vocabulary(path, config)
    tensors = read_tensors(path, name)
    module, absent = build_from_hugging_face(
        make_module, config, tensors, source=str(path), fill_heads=fill_heads
    )
    return module, tokenizer, absent


def load_mlm_model(path: Path) -> tuple[BertForPretraining, PieceTokenizer, bool]:
    """As `load_pretraining_model`, also from a folder without an NSP head (any
    BertForMaskedLM). And whether pairs can be judged: else that head is random.

    Raises ValueError if the folder has no MLM head.
    """
    model, tokenizer, absent = _load(
        path, BertForPretraining, WEIGHTS_FILE, fill_heads=("nsp",)
    )
    return model, tokenizer, not {"nsp", "pooler"} & set(absent)


def load_weights(
    module: BertForPretraining, path: Path, *, fill_heads: Collection[str] = ()
) -> list[str]:
    """Replace the module's weights by the folder's.

    fill_heads: those of "mlm" and "nsp" that start from random weights if the folder
        lacks them.

    Gives which of "pooler", "mlm" and "nsp" did. Raises ValueError if a tensor is
    missing or has another shape than the module's.
    """
    tensors = read_tensors(path, WEIGHTS_FILE)
    return load_hugging_face(module, tensors, source=str(path), fill_heads=fill_heads)


def has_trained_pooler(path: Path) -> bool:
    """Whether anything moved the pooler's bias from the 0 where it starts.

    What was distilled, or trained without a task over [CLS], leaves it there, or has
    none. Raises FileNotFoundError or ValueError if there are no weights.
    """
    biases = read_tensors(path, WEIGHTS_FILE, ending="pooler.dense.bias")
    return any(bool(bias.any()) for bias in biases.values())


def has_nsp_head(path: Path) -> bool:
    """Whether pairs were ever judged. Raises as `has_trained_pooler`."""
    name = "cls.seq_relationship.weight"
    return name in read_tensors(path, WEIGHTS_FILE, ending=name)


def load_checkpoint_vocabulary(path: Path, config: BertConfig) -> PieceTokenizer:
    """The folder's tokenizer. Raises ValueError if its size is not the config's."""
    tokenizer = load_tokenizer(path)
    # Some models pad the embeddings to a multiple of 8, 64 or 128.
    if not 0 <= config.vocab_size - tokenizer.n_pieces < 128:
        raise ValueError(
            f"{path}: vocab.txt has {tokenizer.n_pieces} pieces but config.json says "
            f"vocab_size={config.vocab_size}. The files come from different models."
        )
    return tokenizer


def _name_nearby(path: Path) -> str:
    """Checkpoints inside a folder that is none: a pipeline, or what a run wrote."""
    patterns = ("model-*", "*/model", "model-*/*/model")
    found = [
        str(folder)
        for pattern in patterns
        for folder in sorted(path.glob(pattern))
        if (folder / CONFIG_FILE).is_file()
    ]
    return f" There is a checkpoint in {' and in '.join(found)}." if found else ""
