"""A path that is no checkpoint, or lacks weights -> what it is, and what to do."""

from collections.abc import Iterator
from pathlib import Path

from .files import CONFIG_FILE, WEIGHTS_FILES, find_weights

_POINTER = b"version https://git-lfs"
_MOST_NAMED = 3
# Checkpoints in a folder that is none: one level down, in the Hub's cache, in a
# component of a pipeline, and in the pipelines that a training wrote.
_PLACES = ("*", "snapshots/*", "*/model", "model-*/*/model")

_TENSORFLOW = (
    "Convert it with transformers 4, where TensorFlow is installed too: "
    "BertForPreTraining.from_pretrained(FOLDER, from_tf=True).save_pretrained(NEW)."
)
_FLAX = (
    "Convert it with transformers 4, where Flax is installed too: "
    "BertForPreTraining.from_pretrained(FOLDER, from_flax=True).save_pretrained(NEW)."
)


def describe_folder(path: Path) -> str:
    """What a folder without a BERT's `config.json` is: sentences, each after a
    space."""
    kind = _name_kind(path)
    sentences = [kind] if kind else []
    found = list(_find_checkpoints(path))
    if found:
        named = " and in ".join(map(str, found[:_MOST_NAMED]))
        more = f", and {len(found) - _MOST_NAMED} more" * (len(found) > _MOST_NAMED)
        sentences.append(f"There is a checkpoint in {named}{more}.")
    elif _is_checkpoint(path.resolve().parent):
        above = path.parent if path.name else path.resolve().parent
        sentences.append(f"There is a checkpoint one level up, in {above}.")
    elif not kind and path.is_dir() and not (path / CONFIG_FILE).is_file():
        names = sorted(file.name for file in path.iterdir())
        some = ", ".join(names[:_MOST_NAMED]) + ", ..." * (len(names) > _MOST_NAMED)
        sentences.append(f"The folder has {some or 'nothing in it'}.")
    return "".join(f" {sentence}" for sentence in sentences)


def describe_weights(path: Path) -> str:
    """The weights of a folder that has none for us: as `describe_folder`."""
    for pattern, sentence in (
        ("tf_model*.h5", f"Weights of TensorFlow. {_TENSORFLOW}"),
        ("*.ckpt.*", _original(path)),
        ("flax_model*.msgpack", f"Weights of Flax. {_FLAX}"),
        ("model.*.safetensors", "Rename it to model.safetensors to load it."),
        ("pytorch_model.*.bin", "Rename it to pytorch_model.bin to load it."),
        ("adapter_*", "It is an adapter: load it into its model, merge, and save."),
        ("*.onnx", "An ONNX file is for prediction; take the model it came from."),
    ):
        names = sorted(file.name for file in path.glob(pattern))
        if names:
            return f" {', '.join(names[:_MOST_NAMED])}: {sentence}"
    return ""


def refuse_pointers(path: Path) -> None:
    """Raise ValueError if files of a checkpoint are those that Git LFS leaves in place
    of large ones until they are fetched."""
    for file in sorted(path.glob("*.*")):
        if is_pointer(file):
            raise ValueError(
                f"{file}: expected the file itself, found the pointer that Git LFS has "
                f"in its place. Fetch it: git -C {path} lfs pull"
            )


def is_pointer(file: Path) -> bool:
    if not file.is_file():
        return False
    with file.open("rb") as opened:
        return opened.read(len(_POINTER)) == _POINTER


def _name_kind(path: Path) -> str:
    if (path / "meta.json").is_file() and (path / "config.cfg").is_file():
        config = (path / "config.cfg").read_text(encoding="utf8", errors="replace")
        if "spacy-bert.BertEncoder" not in config and "spacy-transformers" in config:
            return (
                "It is a pipeline of spacy-transformers: 'spacy bert migrate' gives it "
                "an encoder of ours."
            )
        return "It is a spaCy pipeline."
    if (path / "modules.json").is_file():
        return "It is a model of sentence-transformers."
    if (path / "snapshots").is_dir():
        return "It is an entry of the Hub's cache."
    if (path / "bert_config.json").is_file():
        return _original(path)
    return ""


def _original(path: Path) -> str:
    """google-research/bert's folder, and what was made from one in 2019."""
    if find_weights(path):
        return "Rename its bert_config.json to config.json."
    return (
        "It is a TensorFlow checkpoint of google-research/bert. Convert it with "
        "transformers 4, where TensorFlow is installed too: BertForPreTraining."
        "from_pretrained('bert_model.ckpt.index', from_tf=True, config=BertConfig."
        "from_json_file('bert_config.json')).save_pretrained(NEW)."
    )


def _find_checkpoints(path: Path) -> Iterator[Path]:
    seen = set()
    for pattern in _PLACES:
        for folder in sorted(path.glob(pattern)):
            if folder not in seen and _is_checkpoint(folder):
                seen.add(folder)
                yield folder


def _is_checkpoint(folder: Path) -> bool:
    names = ("vocab.txt", "tokenizer.json", *WEIGHTS_FILES)
    has_others = any((folder / name).is_file() for name in names)
    return (folder / CONFIG_FILE).is_file() and (
        has_others or bool(find_weights(folder))
    )
