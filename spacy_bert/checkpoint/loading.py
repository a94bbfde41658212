"""A checkpoint's folder -> modules, their tokenizer and their heads."""

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..model.config import BertConfig
from ..model.encoder import BertEncoder
from ..model.heads import BertForPretraining
from ..model.quantized import quantize
from ..tokenization import PieceTokenizer, load_tokenizer
from .config_file import read_config_file
from .conversion import (
    build_from_hugging_face,
    check_shapes,
    load_hugging_face,
    warn_absent,
)
from .files import CONFIG_FILE, QUANTIZED_FILE, WEIGHTS_FILE
from .names import CONFIG_KEYS
from .pretraining_heads import (
    DECODER,
    EMBEDDINGS,
    PretrainingHeads,
    find_heads,
    is_tied,
)
from .weights import read_shapes, read_tensors
from .wrong_folder import describe_folder

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Bert:
    """An encoder and what goes with it.

    source: its name in errors.
    heads: those of a checkpoint, which the encoder does not use.
    has_pooler: False if the pooler is none of the checkpoint's, but random.
    """

    source: str
    encoder: BertEncoder
    tokenizer: PieceTokenizer
    heads: PretrainingHeads = PretrainingHeads()
    has_pooler: bool = True


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


# Weights that are made in inference mode can never be trained, nor can it be seen
# whether they have changed, so a caller's mode does not hold where they are made.
@torch.inference_mode(False)
def load_bert(path: Path, **settings: bool | None) -> Bert:
    """Read the encoder of a folder, with the heads unless the weights are of 8 bits.

    settings: as `load_tokenizer` takes them.

    Weights of more than `MAPPED_ABOVE` bytes stay in their file, mapped into memory.
    Replace such a file rather than write over it.
    """
    config = read_config(path)
    tokenizer = load_checkpoint_vocabulary(path, config, **settings)
    is_8_bit = (path / QUANTIZED_FILE).is_file()
    tensors = read_tensors(path, QUANTIZED_FILE if is_8_bit else WEIGHTS_FILE)
    encoder, absent = build_from_hugging_face(
        build_quantized if is_8_bit else BertEncoder,
        config,
        tensors,
        source=str(path),
    )
    warn_absent(absent, source=str(path))
    return Bert(
        source=str(path),
        encoder=encoder,
        tokenizer=tokenizer,
        heads=PretrainingHeads() if is_8_bit else find_heads(path, config, tensors),
        has_pooler="pooler" not in absent,
    )


def build_quantized(config: BertConfig) -> BertEncoder:
    return quantize(BertEncoder(config))


def load_pretraining_model(path: Path) -> tuple[BertForPretraining, PieceTokenizer]:
    """Return the encoder with its two heads, and its tokenizer.

    Raises ValueError if the folder has no such heads.
    """
    return _load_with_heads(path)[:2]


def load_mlm_model(path: Path) -> tuple[BertForPretraining, PieceTokenizer, bool]:
    """As `load_pretraining_model`, also from a folder without an NSP head (any
    BertForMaskedLM). And whether pairs can be judged: else that head is random, and
    nothing warns of it.

    Raises ValueError if the folder has no MLM head.
    """
    model, tokenizer, absent = _load_with_heads(path, fill_heads=("nsp",))
    return model, tokenizer, not {"nsp", "pooler"} & set(absent)


@torch.inference_mode(False)
def _load_with_heads(
    path: Path, *, fill_heads: Collection[str] = ()
) -> tuple[BertForPretraining, PieceTokenizer, list[str]]:
    """The model, the tokenizer, and the submodules that start from random weights."""
    config = read_config(path)
    tokenizer = load_checkpoint_vocabulary(path, config)
    tensors = read_tensors(path, WEIGHTS_FILE)
    _check_tied(path, tensors)
    model, absent = build_from_hugging_face(
        BertForPretraining, config, tensors, source=str(path), fill_heads=fill_heads
    )
    return model, tokenizer, absent


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
    source = str(path)
    absent = load_hugging_face(module, tensors, source=source, fill_heads=fill_heads)
    warn_absent(absent, source=source)
    return absent


def check_loads(path: Path, *, fill_heads: Collection[str] | None = None) -> None:
    """Raise as `load_bert` would, without reading the weights: by the names and
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
    has_head = any(name.startswith("cls.predictions.") for name in tensors)
    if has_head and not is_tied(path, tensors):
        raise ValueError(
            f"{path}: expected an MLM head that shares the encoder's embeddings, got "
            f"tie_word_embeddings = false in {CONFIG_FILE}, with "
            f"{'another' if DECODER in tensors else 'no'} {DECODER}. The encoder can "
            "be loaded; its head, which guesses masked pieces, cannot."
        )
