"""The names of the files in a checkpoint's folder."""

from pathlib import Path

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
# 8-bit weights, which only we load.
QUANTIZED_FILE = "model.int8.safetensors"
PICKLED_FILE = "pytorch_model.bin"
TOKENIZER_FILES = (
    "vocab.txt",
    "tokenizer.json",
    "tokenizer_config.json",
    "added_tokens.json",
    "special_tokens_map.json",
)


def index_name(weights: str) -> str:
    """The file that says in which shard each tensor of `weights` is.

    model.safetensors -> model.safetensors.index.json
    """
    return f"{weights}.index.json"


# As `transformers` looks for them: the first that is there has the weights.
WEIGHTS_FILES = (
    WEIGHTS_FILE,
    index_name(WEIGHTS_FILE),
    PICKLED_FILE,
    index_name(PICKLED_FILE),
)


def find_weights(folder: Path) -> Path | None:
    """The file that weights are read from, if there is one."""
    found = (folder / name for name in (QUANTIZED_FILE, *WEIGHTS_FILES))
    return next((path for path in found if path.is_file()), None)
