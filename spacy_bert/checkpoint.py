"""A BERT in a folder: the Hugging Face layout <-> our modules.

The folder holds `config.json`, `model.safetensors`, `vocab.txt`, `tokenizer.json` and
`tokenizer_config.json`. What is written here `transformers` loads, and the other way
round; `pytorch_model.bin` is read too, never written, as it holds pickled objects.
"""

import json
import logging
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from .hugging_face import CONFIG_KEYS, modern_name, tensor_names
from .model.config import BertConfig
from .model.encoder import BertEncoder, initialize_weights
from .model.heads import BertForPretraining
from .tokenization import WordPiece, load_wordpiece, save_wordpiece

logger = logging.getLogger(__name__)

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"


def read_config(path: Path) -> BertConfig:
    """The architecture in `config.json`. Raises ValueError where it is not a BERT's."""
    config_path = path / CONFIG_FILE
    if not config_path.is_file():
        raise FileNotFoundError(
            f"{path}: no {CONFIG_FILE}. Expected a folder in the Hugging Face BERT "
            f"layout ({CONFIG_FILE}, {WEIGHTS_FILE}, vocab.txt)."
        )
    try:
        raw = json.loads(config_path.read_text(encoding="utf8"))
    except ValueError as error:
        raise ValueError(f"{config_path} is not JSON: {error}") from error
    if not isinstance(raw, dict):
        raise ValueError(f"{config_path}: expected an object of settings, got {raw!r}.")
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
    path: Path, module: BertEncoder | BertForPretraining, wordpiece: WordPiece
) -> None:
    """Write the folder; `transformers` reads it as BertModel or BertForPreTraining."""
    path.mkdir(parents=True, exist_ok=True)
    config = module.config
    settings: dict[str, Any] = {
        theirs: getattr(config, ours) for ours, theirs in CONFIG_KEYS.items()
    }
    settings["model_type"] = "bert"
    settings["architectures"] = [
        "BertForPreTraining" if _has_heads(module) else "BertModel"
    ]
    settings["pad_token_id"] = wordpiece.pad_id
    (path / CONFIG_FILE).write_text(
        json.dumps(settings, indent=2) + "\n", encoding="utf8"
    )
    save_wordpiece(wordpiece, path)
    tensors = to_hugging_face(module)
    save_file(tensors, path / WEIGHTS_FILE, metadata={"format": "pt"})


def load_encoder(path: Path) -> tuple[BertEncoder, WordPiece]:
    """The encoder of a folder, in eval mode, and its vocabulary."""
    with torch.device("meta"):
        encoder = BertEncoder(read_config(path))
    load_weights(encoder, path)
    return encoder.eval(), load_vocabulary(path, encoder.config)


def load_pretraining_model(path: Path) -> tuple[BertForPretraining, WordPiece]:
    """The encoder with its two heads, in eval mode, and its vocabulary.

    Raises ValueError where the folder has no such heads.
    """
    with torch.device("meta"):
        model = BertForPretraining(read_config(path))
    load_weights(model, path)
    return model.eval(), load_vocabulary(path, model.config)


def load_weights(module: BertEncoder | BertForPretraining, path: Path) -> None:
    """Replace the module's weights (which may be on the meta device) by the folder's.

    Raises ValueError where a tensor is missing or has another shape than the module's.
    """
    load_hugging_face(module, _read_tensors(path), source=str(path))


def load_vocabulary(path: Path, config: BertConfig) -> WordPiece:
    """The folder's WordPiece. Raises ValueError where its size is not the config's."""
    wordpiece = load_wordpiece(path)
    # Some models pad the embeddings to a multiple of 8, 64 or 128 rows.
    if not 0 <= config.vocab_size - wordpiece.n_pieces < 128:
        raise ValueError(
            f"{path}: vocab.txt has {wordpiece.n_pieces} pieces but config.json says "
            f"vocab_size={config.vocab_size}. The files come from different models."
        )
    return wordpiece


def to_hugging_face(module: BertEncoder | BertForPretraining) -> dict[str, Tensor]:
    """The module's weights under the names of `transformers`, on the CPU."""
    state = module.state_dict()
    tensors = {}
    for ours, theirs in tensor_names(
        module.config, with_heads=_has_heads(module)
    ).items():
        parts = state[ours].detach().cpu().chunk(len(theirs))
        for name, part in zip(theirs, parts, strict=True):
            tensors[name] = part.contiguous()
    return tensors


def load_hugging_face(
    module: BertEncoder | BertForPretraining,
    tensors: Mapping[str, Tensor],
    *,
    source: str,
) -> None:
    """The opposite of `to_hugging_face`. `source` names the origin in errors."""
    tensors = {modern_name(name): tensor for name, tensor in tensors.items()}
    state = {}
    for ours, theirs in tensor_names(
        module.config, with_heads=_has_heads(module)
    ).items():
        if ours.startswith("pooler") and theirs[0] not in tensors:
            continue
        missing = [name for name in theirs if name not in tensors]
        if missing:
            raise ValueError(
                f"{source}: expected the tensor {missing[0]!r}, which is not among the "
                f"{len(tensors)} tensors there. The checkpoint is incomplete, or was "
                "saved without the head that is asked for: pretraining, evaluating and "
                "filling masks need those of MLM and NSP."
            )
        state[ours] = torch.cat([tensors[name].float() for name in theirs])
    n_layers = module.config.n_layers
    if any(name.startswith(f"bert.encoder.layer.{n_layers}.") for name in tensors):
        raise ValueError(
            f"{source}: expected {n_layers} layers, as the config says, found more. "
            "The files come from different models."
        )
    expected_state = module.state_dict()
    for name, tensor in state.items():
        expected = expected_state[name].shape
        if tensor.shape != expected:
            raise ValueError(
                f"{source}: expected {name} of shape {tuple(expected)}, got "
                f"{tuple(tensor.shape)}. The weights belong to another architecture "
                "than the config's."
            )
        if not torch.isfinite(tensor).all():
            raise ValueError(
                f"{source}: {name} holds numbers that are not finite. The training "
                "that wrote it diverged; take an earlier checkpoint."
            )
    module.load_state_dict(state, strict=False, assign=True)
    if "pooler.weight" in expected_state and "pooler.weight" not in state:
        _initialize_pooler(module, source)


def _read_tensors(path: Path) -> dict[str, Tensor]:
    safe, pickled = path / WEIGHTS_FILE, path / "pytorch_model.bin"
    try:
        if safe.is_file():
            return load_file(safe)
        if pickled.is_file():
            return torch.load(pickled, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"{pickled} holds more than tensors, or none, and is not loaded: that "
            f"could run what is in it. Save the model as {WEIGHTS_FILE}."
        ) from error
    except (SafetensorError, RuntimeError, EOFError, OSError) as error:
        raise ValueError(
            f"{path}: the weights cannot be read ({error}). The file is truncated or "
            "not a checkpoint; copy it again."
        ) from error
    raise FileNotFoundError(
        f"{path}: expected {WEIGHTS_FILE} (or pytorch_model.bin), found neither."
    )


def _has_heads(module: BertEncoder | BertForPretraining) -> bool:
    return isinstance(module, BertForPretraining)


def _initialize_pooler(module: BertEncoder | BertForPretraining, source: str) -> None:
    encoder = module.encoder if isinstance(module, BertForPretraining) else module
    encoder.pooler.to_empty(device="cpu")
    initialize_weights(encoder.pooler, std=encoder.config.initializer_range)
    logger.warning(
        "%s has no pooler; it starts from random weights. Only heads that read the "
        "pooled [CLS] notice.",
        source,
    )
