"""A trained pipeline of spacy-transformers -> one with a `bert_encoder`.

The encoder takes over weights and tokenizer, the heads stay as they are but for their
listeners, and all else is kept. What could not be equal is refused by name.
"""

import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import spacy
import srsly
from spacy.language import Language
from spacy.util import (
    get_package_path,
    is_package,
    load_config,
    replace_model_node,
)

from ..folders import replacing
from ..pipeline.encoder_swap import ENCODER, find_encoder, swap_encoder, window_width
from ..pipeline.foreign_listeners import (
    find_pooled,
    is_of_spacy_transformers,
    walk_foreign,
)
from ..pipeline.from_checkpoint import EncoderSettings, add_encoder, read_architecture
from ..pipeline.listeners import BertListener
from .same_vectors import check_same_vectors

_SPANS = ("strided_spans.v1", "doc_spans.v1")


def migrate_pipeline(folder: Path, output: Path) -> list[str]:
    """Write the new pipeline, and return the names of the heads that listen to it.

    folder: as `find_pipeline` gives it.

    Raises ValueError for what has no counterpart: an encoder that is no BERT or not
    spacy-transformers' own, a pooling other than the mean, several encoders, sentences
    as windows.
    """
    config = load_config(folder / "config.cfg", interpolate=False)
    name = _check_encoder(folder, config)
    # For what it refuses, before weights are read.
    swap_encoder(config, {}, checkpoint=None)
    nlp = spacy.load(folder)
    transformer: Any = nlp.get_pipe(name)
    with tempfile.TemporaryDirectory() as temporary:
        checkpoint = Path(temporary) / "checkpoint"
        _save_checkpoint(transformer, checkpoint, source=folder)
        model = config["components"][name]["model"]
        blank = spacy.blank("xx")
        settings = _settings(model, read_architecture(checkpoint))
        encoder = add_encoder(blank, checkpoint, name=ENCODER, **settings)
        check_same_vectors(nlp, transformer, encoder, source=str(folder))
        block = blank.config["components"][ENCODER]["model"]
        new_config = swap_encoder(config, block, checkpoint=model.get("name"))
        heads = _swap_listeners(nlp, width=encoder.model.get_dim("nO"))
        draft = Path(temporary) / "draft"
        nlp.to_disk(draft, exclude=[name])
        encoder.to_disk(draft / ENCODER, exclude=["vocab"])
        new_config.to_disk(draft / "config.cfg", interpolate=False)
        _rename_in_meta(draft / "meta.json", name)
        # Reading it compares the shapes, and signs the heads for their encoder.
        new = spacy.load(draft)
        with replacing(output) as new_folder:
            new.to_disk(new_folder)
    return heads


def find_pipeline(source: str) -> Path:
    """Return the folder of a pipeline, which may be a package.

    Raises ValueError if there is none.
    """
    root = get_package_path(source) if is_package(source) else Path(source)
    for folder in (root, *sorted(root.glob("*"))):
        if (folder / "config.cfg").is_file() and (folder / "meta.json").is_file():
            if folder == root or is_package(source):
                return folder
            raise ValueError(
                f"{source}: expected a pipeline. There is one in {folder}."
            )
    raise ValueError(
        f"{source}: expected a config.cfg, or the folder or package of a pipeline, got "
        f"{'a folder without one' if root.is_dir() else 'nothing'}."
    )


def _check_encoder(folder: Path, config: dict[str, Any]) -> str:
    name, factory = find_encoder(config)
    block = config["components"][name]
    architecture = block["model"]["@architectures"]
    if factory != "transformer" or not architecture.startswith(
        "spacy-transformers.TransformerModel."
    ):
        raise ValueError(
            f"{folder}: expected a transformer of spacy-transformers, got the "
            f"{factory!r} {name!r}, an {architecture!r}, whose weights cannot be taken "
            f"over. Migrate its config, {folder / 'config.cfg'}, with "
            "--checkpoint, and train it again."
        )
    spans = block["model"].get("get_spans", {}).get("@span_getters", "")
    if spans not in [f"spacy-transformers.{kind}" for kind in _SPANS]:
        raise ValueError(
            f"[components.{name}.model.get_spans]: expected windows of tokens or whole "
            f"Docs ({', '.join(_SPANS)}), got {spans!r}: here a window has more than a "
            "sentence, so predictions would differ. Migrate the config with "
            "--checkpoint, and train it again."
        )
    setter = block.get("set_extra_annotations", {}).get("@annotation_setters", "")
    if setter and not setter.startswith("spacy-transformers.null_annotation_setter."):
        raise ValueError(
            f"[components.{name}.set_extra_annotations]: expected none, got "
            f"{setter!r}. Make a component of it, which reads doc._.trf_data after the "
            "encoder, and set spacy-transformers.null_annotation_setter.v1 here."
        )
    if find_spec("spacy_transformers") is None:
        raise ValueError(
            f"{folder}: reading it needs spacy-transformers. Install it: pip install "
            "'spacy-bert[transformers]'"
        )
    return name


def _save_checkpoint(transformer: Any, path: Path, *, source: Path) -> None:
    """As `transformers` writes it. Raises ValueError for what is not a BERT."""
    module, tokenizer = transformer.model.transformer, transformer.model.tokenizer
    if module is None:
        raise ValueError(
            f"{source}: expected a trained pipeline, got one without weights."
        )
    if module.config.model_type != "bert":
        raise ValueError(
            f"{source}: expected a BERT, got a {type(module).__name__} (model_type "
            f"{module.config.model_type!r}). Only a BERT can become a {ENCODER}. "
            "Migrate its config with --checkpoint BERT, and train it again."
        )
    # spacy-transformers writes 1e-12 with too few digits, and reads it as 0.
    module.config.layer_norm_eps = module.config.layer_norm_eps or 1e-12
    module.save_pretrained(path)
    tokenizer.save_pretrained(path)


def _settings(old: dict[str, Any], architecture: dict[str, Any]) -> EncoderSettings:
    width = window_width(old["get_spans"], max_positions=architecture["max_positions"])
    settings = EncoderSettings()
    if width is not None:
        settings["window_width"] = width
    if old.get("mixed_precision"):
        settings["precision"] = "fp16"
    return settings


def _swap_listeners(nlp: Language, *, width: int) -> list[str]:
    """Put a listener of ours in the place of each one, and of what pools after it."""
    heads = []
    for head, component in nlp.components:
        model = getattr(component, "model", None)
        if model is None:
            continue
        for listener in list(walk_foreign(model)):
            if not is_of_spacy_transformers(listener):
                continue
            parent, pooled = find_pooled(model, listener)
            factor = pooled.attrs["grad_factor"]
            ours = BertListener(ENCODER, width, kind="tokens", grad_factor=factor)
            replace_model_node(model, parent, ours)
            heads.append(head)
    return list(dict.fromkeys(heads))


def _rename_in_meta(path: Path, name: str) -> None:
    meta = srsly.read_json(path)
    for key in ("pipeline", "components", "disabled"):
        meta[key] = [ENCODER if one == name else one for one in meta.get(key, [])]
    meta["labels"] = {
        ENCODER if key == name else key: labels
        for key, labels in meta.get("labels", {}).items()
    }
    # `spacy package` adds what the new one needs.
    meta["requirements"] = [
        one
        for one in meta.get("requirements", [])
        if not one.startswith(("spacy-transformers", "spacy_transformers"))
    ]
    srsly.write_json(path, meta)
