"""The same MiniLM weights in every system that is compared."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import spacy
from spacy.language import Language

from spacy_bert import add_encoder
from spacy_bert.tasks.starter_config import HEADS, LISTENER
from spacy_bert.tokenization import load_tokenizer

from ..spacy_runs import (
    MEAN_TEXTCAT,
    TRANSFORMER_LISTENER,
    minilm,
    transformer_model,
)

N_THREADS = 2
# As in our windows.
_WINDOW, _OVERLAP = 254, 31
# The fastest of some sizes that were tried.
_ORT_PIECES = 512


def ours(
    *, precision: str = "fp32", engine: str = "torch", heads: bool = False
) -> Language:
    nlp = spacy.blank("en")
    add_encoder(nlp, minilm(), precision=precision, engine=engine)
    if heads:
        _add_heads(nlp, {**LISTENER, "width": 384})
    return nlp


def spacy_transformers(*, heads: bool = False) -> Language:
    nlp = spacy.blank("en")
    transformer: Any = nlp.add_pipe(
        "transformer", config={"model": transformer_model()}
    )
    if heads:
        _add_heads(nlp, TRANSFORMER_LISTENER)
    else:
        transformer.model.initialize([nlp.make_doc("a text")])
    return nlp


def _add_heads(nlp: Language, listener: dict[str, Any]) -> None:
    ner = {**HEADS["ner"]["model"], "tok2vec": listener}
    nlp.add_pipe("ner", config={"model": ner})
    textcat = {**MEAN_TEXTCAT, "tok2vec": listener}
    nlp.add_pipe("textcat", config={"model": textcat})


class OnnxRuntime:
    """BertModel exported, fused for BERT by ONNX Runtime's own tool, and run over
    sequences that are sorted by length and padded to the longest of their batch.

    It gives the vectors of pieces. What a pipeline does beyond that (Docs, tokens) it
    is spared, but it cuts long texts into the same windows as ours.
    """

    def __init__(self, folder: Path, *, precision: str, max_batch_pieces: int) -> None:
        import onnxruntime

        path = folder / f"{precision}.onnx"
        if not path.exists():
            _export(folder)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = N_THREADS
        self._session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer = load_tokenizer(minilm())
        self._max_batch_pieces = max_batch_pieces

    def __call__(self, texts: Sequence[str]) -> None:
        cls, sep = self._tokenizer.cls_id, self._tokenizer.sep_id
        sequences = [
            [cls, *ids[i : i + _WINDOW], sep]
            for ids in self._tokenizer.encode_ids(texts)
            for i in _window_starts(len(ids))
        ]
        sequences.sort(key=len)
        batch: list[list[int]] = []
        for sequence in sequences:
            if batch and (len(batch) + 1) * len(sequence) > self._max_batch_pieces:
                self._run(batch)
                batch = []
            batch.append(sequence)
        self._run(batch)

    def _run(self, batch: list[list[int]]) -> None:
        ids = np.zeros((len(batch), max(map(len, batch))), np.int64)
        mask = np.zeros_like(ids)
        for i, sequence in enumerate(batch):
            ids[i, : len(sequence)] = sequence
            mask[i, : len(sequence)] = 1
        names = ("input_ids", "attention_mask", "token_type_ids")
        arrays = (ids, mask, np.zeros_like(ids))
        self._session.run(None, dict(zip(names, arrays, strict=True)))


def _window_starts(n_pieces: int) -> range:
    return range(0, max(n_pieces - _OVERLAP, 1), _WINDOW - _OVERLAP)


def _export(folder: Path) -> None:
    """Write fp32.onnx and int8.onnx."""
    import onnx
    import torch
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.transformers.optimizer import optimize_model
    from transformers import BertModel

    folder.mkdir(parents=True, exist_ok=True)
    model = BertModel.from_pretrained(
        minilm(), add_pooling_layer=False, attn_implementation="eager"
    )
    ids = torch.ones(2, 16, dtype=torch.int64)
    names = ["input_ids", "attention_mask", "token_type_ids"]
    torch.onnx.export(
        model.eval(),
        (ids, torch.ones_like(ids), torch.zeros_like(ids)),
        str(folder / "exported.onnx"),
        input_names=names,
        output_names=["hidden"],
        dynamic_axes={name: {0: "n", 1: "length"} for name in [*names, "hidden"]},
        opset_version=17,
        dynamo=False,
    )
    fused = optimize_model(
        str(folder / "exported.onnx"), model_type="bert", num_heads=12, hidden_size=384
    )
    fused.save_model_to_file(str(folder / "fp32.onnx"))
    quantize_dynamic(
        folder / "fp32.onnx",
        folder / "int8.onnx",
        weight_type=QuantType.QInt8,
        per_channel=True,
        extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
    )


def through_pipe(nlp: Language, batch_size: int) -> Callable[[Sequence[str]], None]:
    def run(texts: Sequence[str]) -> None:
        for _ in nlp.pipe(texts, batch_size=batch_size):
            pass

    return run


PIPELINES: dict[str, Callable[[], Language]] = {
    "ours": ours,
    "ours int8": partial(ours, precision="int8"),
    "ours, onnxruntime": partial(ours, engine="onnxruntime"),
    "ours int8, onnxruntime": partial(ours, precision="int8", engine="onnxruntime"),
    "spacy-transformers": spacy_transformers,
}
# With ner and textcat.
WITH_HEADS: dict[str, Callable[[], Language]] = {
    "ours": partial(ours, heads=True),
    "ours, onnxruntime": partial(ours, engine="onnxruntime", heads=True),
    "spacy-transformers": partial(spacy_transformers, heads=True),
}
TRAINABLE = {name: WITH_HEADS[name] for name in ("ours", "spacy-transformers")}


def onnx_runtimes(folder: Path) -> dict[str, OnnxRuntime]:
    return {
        name: OnnxRuntime(folder, precision=precision, max_batch_pieces=_ORT_PIECES)
        for precision, name in (("fp32", "ONNX Runtime"), ("int8", "ONNX Runtime int8"))
    }
