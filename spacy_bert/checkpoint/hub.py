"""The name of a BERT on the Hugging Face Hub -> a folder in that library's cache."""

import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from .config_file import read_config_file
from .files import (
    CONFIG_FILE,
    PICKLED_FILE,
    QUANTIZED_FILE,
    TOKENIZER_FILES,
    WEIGHTS_FILE,
    find_weights,
    index_name,
)
from .wrong_folder import describe_weights

_NAME = re.compile(
    r"(?P<name>\w[\w.-]{0,95}(/\w[\w.-]{0,95})?)(@(?P<revision>[\w./-]+))?", re.ASCII
)
# What ends so is a file that is not there, or not there yet.
_FILE_ENDINGS = tuple(
    ".bin .cfg .ckpt .gz .h5 .index .json .msgpack .onnx .pt .safetensors .spacy .tar "
    ".txt .zip".split()
)

_SMALL_FILES = [CONFIG_FILE, *TOKENIZER_FILES]
_SAFE_FILES = [
    WEIGHTS_FILE,
    "model-*-of-*.safetensors",
    index_name(WEIGHTS_FILE),
    QUANTIZED_FILE,
]
_PICKLED_FILES = [
    PICKLED_FILE,
    "pytorch_model-*-of-*.bin",
    index_name(PICKLED_FILE),
]


class HubName(NamedTuple):
    """ "org/name@revision", or "name" for the newest revision, which is None."""

    name: str
    revision: str | None

    @property
    def command(self) -> str:
        """What downloads it into a folder, by the Hub's own program.

        Files by name: versions of the program differ in how they take patterns.
        """
        revision = f" --revision {self.revision}" if self.revision else ""
        return (
            f"hf download {self.name}{revision} config.json model.safetensors "
            "vocab.txt tokenizer.json tokenizer_config.json --local-dir FOLDER"
        )


def parse_name(text: str) -> HubName | None:
    """None if a text does not have the form of a name on the Hub."""
    match = _NAME.fullmatch(text)
    if match is None or match["name"].lower().endswith(_FILE_ENDINGS):
        return None
    return HubName(match["name"], match["revision"])


def download(name: HubName, *, with_weights: bool) -> Path:
    """The folder in the cache that has the newest files of that revision, or those that
    were downloaded before if the Hub cannot be reached.

    The rest follows only if the small files are a BERT's. Weights that `transformers`
    pickled come only if there are no others, and those of other libraries never.

    Raises FileNotFoundError if there is no such model or it cannot be had, and
    ValueError if it is not a BERT.
    """
    folder = _fetch(name, name.revision, _SMALL_FILES, tqdm_class=_NoBar)
    if not (folder / CONFIG_FILE).is_file():
        raise FileNotFoundError(
            f"{name.name}: expected a BERT's {CONFIG_FILE} at the root of the Hub's "
            f"repository, found none in {folder}. If the model is in one of its "
            "folders, download that one and give its path; if the Hub could not be "
            "reached, connect, for not all of it was downloaded before."
        )
    read_config_file(folder / CONFIG_FILE)
    if not with_weights:
        return folder
    for patterns in (_SAFE_FILES, _PICKLED_FILES):
        found = find_weights(folder)
        # It takes an index to know its shards, so some of them may be missing.
        if found is None or found.name in patterns and found.suffix == ".json":
            # The commit, as a branch may have moved since.
            _fetch(name, folder.name, patterns)
    if find_weights(folder) is None:
        raise FileNotFoundError(
            f"{name.name}: expected {WEIGHTS_FILE} or {PICKLED_FILE}, found neither in "
            f"{folder}.{describe_weights(folder)} If the Hub could not be reached, "
            "connect, for not all of it was downloaded before; if the model has "
            "weights of TensorFlow or Flax alone, save it with save_pretrained of "
            "transformers."
        )
    return folder


class _NoBar(tqdm):
    """For files so small that a bar would only flicker."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "disable": True})


def _fetch(
    name: HubName, revision: str | None, patterns: list[str], **options: Any
) -> Path:
    # Here, as it takes half a second and most checkpoints are folders.
    from huggingface_hub import errors, snapshot_download

    try:
        folder = snapshot_download(
            name.name, revision=revision, allow_patterns=patterns, **options
        )
    except errors.GatedRepoError as error:
        raise FileNotFoundError(
            f"{name.name} is gated: its authors decide who may download it. Ask for it "
            "on its page on the Hub, log in with 'hf auth login', and try again, or: "
            f"{name.command}"
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise FileNotFoundError(
            f"{name.name}: expected the folder of a BERT checkpoint, or a model's name "
            "on the Hugging Face Hub. There is no such folder here, and no such model "
            "there that you may read. Check the spelling ('org/name'); for a private "
            "model, log in with 'hf auth login'."
        ) from error
    except errors.RevisionNotFoundError as error:
        raise FileNotFoundError(
            f"{name.name}: expected a branch, a tag or a commit of the model on the "
            f"Hub after '@', got {name.revision!r}, which it does not have."
        ) from error
    except errors.HFValidationError as error:
        raise ValueError(f"{name.name}: {error}") from error
    except _network_errors() as error:
        # A full disk, say.
        if getattr(error, "errno", None):
            raise
        raise FileNotFoundError(
            f"{name.name}: expected the folder of a BERT checkpoint, or a model's name "
            "on the Hugging Face Hub. There is no such folder here, the cache does not "
            f"have all of that model, and {_reason(error)}. Check the spelling of the "
            "path, or of the name ('org/name'). For a model of the Hub, on a machine "
            f"that reaches it: {name.command} and give that folder, or its path here "
            "once it is copied."
        ) from error
    return Path(folder)


def _network_errors() -> tuple[type[Exception], ...]:
    """OSError, and those of the library that newer versions of the client use."""
    httpx: Any = sys.modules.get("httpx")
    return (OSError, httpx.HTTPError) if httpx else (OSError,)


def _reason(error: Exception) -> str:
    from huggingface_hub import constants

    cause = error.__cause__ or error
    if type(cause).__name__ == "OfflineModeIsEnabled" or "HF_HUB_OFFLINE" in str(error):
        return "HF_HUB_OFFLINE forbids to ask the Hub"
    status = getattr(getattr(cause, "response", None), "status_code", None)
    if status is not None:
        return f"the Hub answered with the status {status}"
    # What the client says of a connection is a dump of its objects.
    return f"{constants.ENDPOINT} cannot be reached"
