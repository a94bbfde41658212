"""A BERT in a folder: the Hugging Face layout <-> our modules.

The folder holds `config.json`, `model.safetensors`, `vocab.txt`, `tokenizer.json` and
`tokenizer_config.json`. What is written here `transformers` loads, and the other way
round; `pytorch_model.bin` is read too, never written, as it holds pickled objects. An
encoder of 8-bit weights, which only we load, has `model.int8.safetensors` instead.
"""

import json
import logging
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from .checkpoint_files import CONFIG_FILE, QUANTIZED_FILE, WEIGHTS_FILE
from .config_file import read_config_file
from .hugging_face import (
    Module,
    build_from_hugging_face,
    check_shapes,
    load_hugging_face,
    to_hugging_face,
)
from .hugging_face_names import CONFIG_KEYS
from .model.config import BertConfig
from .model.encoder import BertEncoder
from .model.heads import BertForPretraining
from .model.quantized import is_quantized, quantize
from .pretraining_heads import DECODER, EMBEDDINGS, PretrainingHeads, has_copy
from .record import PretrainingRecord
from .tokenization import PieceTokenizer, load_tokenizer
from .weights import read_shapes, read_tensors
from .wrong_checkpoint import describe_folder

logger = logging.getLogger(__name__)

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
            f"layout ({CONFIG_FILE}, {WEIGHTS_FILE}, vocab.txt).{describe_folder(path)}"
        )
    raw = read_config_file(config_path)
    try:
        return BertConfig(**{ours: raw[theirs] for ours, theirs in CONFIG_KEYS.items()})
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
    tokenizer.save(path, max_length=config.max_positions)


def load_encoder(
    path: Path, **settings: bool | None
) -> tuple[BertEncoder, PieceTokenizer]:
    """Return the encoder of a folder and its tokenizer.

    settings: as `load_tokenizer` takes them.

    Weights of more than `MAPPED_ABOVE` bytes stay in their file, mapped into memory.
    Replace such a file rather than write over it.
    """
    if (path / QUANTIZED_FILE).is_file():
        return _load(path, build_quantized, QUANTIZED_FILE, settings=settings)[:2]
    return _load(path, BertEncoder, WEIGHTS_FILE, settings=settings)[:2]


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
    settings: Mapping[str, bool | None] = MappingProxyType({}),
) -> tuple[Module, PieceTokenizer, list[str]]:
    """The module, the vocabulary, and the submodules that start from random weights."""
    config = read_config(path)
    tokenizer = load_checkpoint_vocabulary(path, config, **settings)
    tensors = read_tensors(path, name)
    if make_module is BertForPretraining:
        _check_tied(path, tensors)
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
    _check_tied(path, tensors)
    return load_hugging_face(module, tensors, source=str(path), fill_heads=fill_heads)


def check_loads(path: Path, *, fill_heads: Collection[str] | None = None) -> None:
    """Raise as `load_encoder` would, without reading the weights: by the names and
    shapes of tensors alone.

    fill_heads: as `load_weights`, for a checkpoint whose pretraining is continued.
    """
    config = read_config(path)
    load_checkpoint_vocabulary(path, config)
    if fill_heads is not None:
        shapes = read_shapes(path, WEIGHTS_FILE)
        check_shapes(
            BertForPretraining, config, shapes, source=str(path), fill_heads=fill_heads
        )
        ends = (EMBEDDINGS, DECODER)
        _check_tied(path, shapes | read_tensors(path, WEIGHTS_FILE, ending=ends))
    elif (path / QUANTIZED_FILE).is_file():
        shapes = read_shapes(path, QUANTIZED_FILE)
        check_shapes(build_quantized, config, shapes, source=str(path))
    else:
        shapes = read_shapes(path, WEIGHTS_FILE)
        check_shapes(BertEncoder, config, shapes, source=str(path))


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


def load_checkpoint_vocabulary(
    path: Path, config: BertConfig, **settings: bool | None
) -> PieceTokenizer:
    """The folder's tokenizer. Raises ValueError if it has more pieces than the config
    has embeddings.

    settings: as `load_tokenizer` takes them.
    """
    tokenizer = load_tokenizer(path, **settings)
    n_unused = config.vocab_size - tokenizer.n_pieces
    if n_unused < 0:
        raise ValueError(
            f"{path}: the vocabulary has {tokenizer.n_pieces} pieces but config.json "
            f"says vocab_size={config.vocab_size}. The files come from different "
            "models."
        )
    # Some models pad the embeddings to a multiple of 8, 64 or 128.
    if n_unused >= 128:
        logger.warning(
            "%s: %d embeddings belong to no piece, as the vocabulary has %d pieces and "
            "config.json says vocab_size=%d. If the authors of the model do not say "
            "so, the files come from different models.",
            *(path, n_unused, tokenizer.n_pieces, config.vocab_size),
        )
    return tokenizer


def _check_tied(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Raise ValueError if the MLM head has embeddings of its own: ours takes those of
    the encoder."""
    is_tied = read_config_file(path / CONFIG_FILE).get("tie_word_embeddings", True)
    has_head = any(name.startswith("cls.predictions.") for name in tensors)
    if has_head and not is_tied and not has_copy(tensors):
        raise ValueError(
            f"{path}: expected an MLM head that shares the encoder's embeddings, got "
            f"tie_word_embeddings = false in config.json, with "
            f"{'another' if DECODER in tensors else 'no'} {DECODER}. The encoder can "
            "be loaded; its head, which guesses masked pieces, cannot."
        )
