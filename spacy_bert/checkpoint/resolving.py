"""What a user calls a checkpoint -> its folder.

A checkpoint is named by its folder, by a file in it, or by its name on the Hugging Face
Hub, "org/name" or "org/name@revision".
"""

import os
import re
from pathlib import Path

from .files import (
    CONFIG_FILE,
    PICKLED_FILE,
    QUANTIZED_FILE,
    TOKENIZER_FILES,
    WEIGHTS_FILE,
    WEIGHTS_FILES,
    find_weights,
)
from .hub import download, parse_name
from .wrong_folder import describe_folder, refuse_pointers

# pathlib makes one slash of two.
_ADDRESS = re.compile(r"\w+:/{1,2}(?!/)|(www\.)?(huggingface\.co|hf\.co)/", re.I)
_IN_ADDRESS = re.compile(
    r"(?:\w+:/{1,2})?(?:[\w-]+(?:\.[\w-]+)+(?::\d+)?/)?"
    r"([\w.-]+/[\w.-]+)(?:/(?:tree|blob|resolve)/([\w.-]+).*)?/?"
)
_EXPECTED = (
    "expected the folder of a BERT checkpoint, a file in it, or a model's name on the "
    "Hugging Face Hub such as 'google-bert/bert-base-uncased'"
)


def resolve_checkpoint(checkpoint: str | Path, *, with_weights: bool = True) -> Path:
    """The folder of a checkpoint, downloaded into the Hub's cache if it is a name.

    What is on the disk comes before a name. `~` is the home folder.

    with_weights: of a name, whether the weights are needed too, or only what the small
        files say.

    Raises FileNotFoundError if there is none, and ValueError if it is something else;
    both say what was found instead.
    """
    text = os.fspath(checkpoint)
    if not text.strip():
        raise ValueError(f"Checkpoint: {_EXPECTED}; got an empty text.")
    path = expand(text)
    # Unlike pathlib's, these raise nothing for impossible names.
    if os.path.isdir(path):
        return _check_folder(path)
    if os.path.isfile(path):
        return _check_folder(_folder_of(path))
    if _ADDRESS.match(text):
        raise ValueError(f"{text}: {_EXPECTED}; got an address.{_advise(text)}")
    if name := parse_name(text):
        return download(name, with_weights=with_weights)
    raise FileNotFoundError(f"{path}: {_EXPECTED}; found nothing there.")


def resolve_vocabulary(path: str) -> Path:
    """A vocabulary's file, which need not exist yet, or the folder of a checkpoint,
    which may be a name on the Hub."""
    expanded = expand(path)
    is_name = not os.path.lexists(expanded) and parse_name(path)
    return resolve_checkpoint(path, with_weights=False) if is_name else expanded


def name_folder(checkpoint: str) -> str:
    """A checkpoint as it was named, but for a file in a folder: that folder."""
    path = expand(checkpoint)
    return str(path.parent) if os.path.isfile(path) else checkpoint


def expand(text: str) -> Path:
    try:
        return Path(text).expanduser()
    # Nobody has such a home folder.
    except RuntimeError:
        return Path(text)


def _check_folder(path: Path) -> Path:
    if not (path / CONFIG_FILE).is_file():
        raise FileNotFoundError(
            f"{path}: no {CONFIG_FILE}; {_EXPECTED}.{describe_folder(path)}"
        )
    refuse_pointers(path)
    return path


def _folder_of(file: Path) -> Path:
    weights = (*WEIGHTS_FILES, WEIGHTS_FILE, PICKLED_FILE, QUANTIZED_FILE)
    if file.name not in (CONFIG_FILE, *TOKENIZER_FILES, *weights):
        raise ValueError(f"{file}: {_EXPECTED}; got a file that is none of these.")
    taken = find_weights(file.parent)
    if file.name in weights and taken and taken.name != file.name:
        raise ValueError(
            f"{file}: expected the weights that its folder is loaded with, which are "
            f"in {taken.name}. Give the folder, or move {file.name} into another one."
        )
    return file.parent


def _advise(address: str) -> str:
    match = _IN_ADDRESS.fullmatch(address)
    if match is None:
        return " Download the model, and give its folder."
    revision = f"@{match[2]}" if match[2] and match[2] != "main" else ""
    return f" Give the name alone: '{match[1]}{revision}'."
