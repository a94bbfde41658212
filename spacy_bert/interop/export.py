"""The encoder of a pipeline or a checkpoint -> a folder for other libraries."""

from pathlib import Path

import spacy
from spacy.util import is_package
from thinc.api import Model

from ..checkpoint.loading import Bert, load_bert
from ..checkpoint.resolving import resolve_checkpoint
from ..checkpoint.saving import save_checkpoint, save_description
from ..model.quantized import is_quantized, quantize
from ..pipeline.encoding import find_shims
from ..pipeline.shim import BertShim

ONNX_FILE = "model.onnx"


def find_bert(source: str | Path, *, component: str | None = None) -> Bert:
    """Read the encoder of a pipeline or of a checkpoint.

    source: the folder or package of a pipeline, or a checkpoint as `add_encoder` takes
        it.
    component: the component that has the encoder, if several have one.

    Raises ValueError or OSError if there is no such encoder, or there are several.
    """
    name, path = str(source), Path(source)
    if is_package(name) or (path / "meta.json").is_file():
        return _load_pipeline(name, component)
    if (path / "model-best").is_dir():
        raise ValueError(
            f"{path}: expected a pipeline or a checkpoint, got the folder of a "
            f"training. Give {path / 'model-best'}."
        )
    if path.is_dir() and not (path / "config.json").is_file():
        raise ValueError(
            f"{path}: expected a pipeline, a folder with meta.json, or a checkpoint, a "
            "folder with config.json, got another folder."
        )
    try:
        checkpoint = resolve_checkpoint(source)
    except FileNotFoundError as error:
        if path.name != name:
            raise
        raise FileNotFoundError(
            f"No pipeline is installed by the name {name!r}. {error}"
        ) from error
    if component is not None:
        raise ValueError(
            f"--component is for pipelines, and {source} is a checkpoint. Leave it out."
        )
    return load_bert(checkpoint)


def write_transformers(bert: Bert, folder: Path) -> None:
    """Write safetensors, `config.json` and the tokenizer, with the pretraining heads
    if there are any. Raises ValueError if the weights are of 8 bits."""
    if is_quantized(bert.encoder):
        raise ValueError(
            f"{bert.source} has 8-bit weights, for which transformers has no format. "
            "Export the pipeline that it was made from, or take --format onnx."
        )
    save_checkpoint(
        folder,
        bert.encoder,
        bert.tokenizer,
        heads=bert.heads,
        has_pooler=bert.has_pooler,
    )


def write_onnx(bert: Bert, folder: Path, *, precision: str | None = None) -> None:
    """Write `model.onnx`, `config.json` and the tokenizer.

    precision: "fp32", or "int8", which turns the encoder's weights into 8 bits in
        place; by default that of the weights.

    Raises ValueError if the weights are not of that precision and cannot be made so,
    or if the package `onnx` is missing.
    """
    try:
        from ..onnx_graph import save_onnx_model
    except ImportError as error:
        raise ValueError(
            "--format onnx needs the package onnx, which is not installed. Install it "
            "with: pip install 'spacy-bert[onnx]'"
        ) from error
    if precision not in (None, "fp32", "int8"):
        raise ValueError(f"--precision: expected fp32 or int8, got {precision!r}.")
    is_8_bit = is_quantized(bert.encoder)
    if is_8_bit and precision == "fp32":
        raise ValueError(
            f"--precision: expected int8, as {bert.source} has 8-bit weights, got "
            "fp32. Export the pipeline that it was made from."
        )
    if precision == "int8" and not is_8_bit:
        quantize(bert.encoder)
    save_description(folder, bert.encoder.config, bert.tokenizer)
    save_onnx_model(bert.encoder, folder / ONNX_FILE, has_pooler=bert.has_pooler)


def _load_pipeline(name: str, component: str | None) -> Bert:
    nlp = spacy.load(name)
    shims = {
        component: found
        for component, pipe in nlp.components
        if (found := _find_encoders(pipe))
    }
    if not shims:
        has_transformer = "transformer" in nlp.pipe_factories.values()
        advice = " 'spacy bert migrate' gives it one." if has_transformer else ""
        raise ValueError(
            f"{name}: expected a pipeline with a BERT encoder of ours, found none."
            f"{advice}"
        )
    shim = _choose(shims, component, source=name)
    return Bert(
        source=name,
        encoder=shim.encoder,
        tokenizer=shim.tokenizer,
        heads=shim.heads,
    )


def _find_encoders(pipe: object) -> list[BertShim]:
    model = getattr(pipe, "model", None)
    return find_shims(model) if isinstance(model, Model) else []


def _choose(
    shims: dict[str, list[BertShim]], component: str | None, *, source: str
) -> BertShim:
    names = ", ".join(shims)
    if component is None and len(shims) > 1:
        raise ValueError(
            f"{source} has encoders in several components. Say which one with "
            f"--component: {names}."
        )
    chosen = component or next(iter(shims))
    if chosen not in shims:
        raise ValueError(
            f"--component: expected one with a BERT encoder ({names}), got {chosen!r}."
        )
    if len(shims[chosen]) > 1:
        raise ValueError(
            f"{source}: the component {chosen!r} has {len(shims[chosen])} encoders. "
            "Only one can be exported, and there is no way to name it."
        )
    return shims[chosen][0]
