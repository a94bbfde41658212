"""Stored results -> the table."""

from collections.abc import Iterator

from ..store import Parts
from ..tables import Comparison, Section, comparison_table

_OURS, _INT8, _TRF = "ours", "ours int8", "spacy-transformers"
_ONNX, _ONNX_INT8 = f"{_OURS}, onnxruntime", f"{_INT8}, onnxruntime"
_ORT, _ORT_INT8 = "ONNX Runtime", "ONNX Runtime int8"
_PRODUCTS = "products alone"
_BARE = ((_OURS, _ORT), (_ONNX, _ORT), (_INT8, _ORT_INT8), (_ONNX_INT8, _ORT_INT8))
_WORDS = ((_OURS, _TRF), (_ONNX, _TRF), *_BARE)
_HEADS = ((_OURS, _TRF), (_ONNX, _TRF))
_SIZES = ((_OURS, _TRF), (_INT8, _TRF), (_ONNX, _TRF))
_COMPARISONS = (
    Comparison("predicting", "words/s", _WORDS),
    Comparison("predicting", "GFLOP/s of matrix products", ((_OURS, _PRODUCTS),)),
    Comparison("latency", "Docs/s one at a time", _WORDS),
    Comparison(
        *("latency", "ms a Doc", (*_BARE, (_OURS, _PRODUCTS))),
        digits=2,
        is_difference=True,
    ),
    Comparison("components", "ms a Doc", _HEADS, digits=2),
    *(
        Comparison("serving", key, _HEADS)
        for key in ("median ms", "95th percentile ms")
    ),
    Comparison("training", "nlp.update words/s", ((_OURS, _TRF),)),
    Comparison("memory", "peak MB", _SIZES),
    Comparison("memory", "MB added", ((_OURS, "its vectors"),)),
    Comparison("startup", "seconds to the first prediction", _SIZES),
    Comparison("startup", "MB on disk", _SIZES),
    Comparison("growth", "microseconds a token", ((_OURS, None),)),
    Comparison(
        "quality",
        "score",
        ((_INT8, _OURS), (_ONNX, _OURS), (_ONNX_INT8, _OURS)),
        digits=1,
        is_difference=True,
    ),
)
_SHARING = Comparison("sharing", "words/s", (("one encoder", "five pipelines"),))


def sections(parts: Parts) -> Iterator[Section]:
    compared = {part: rows for part, rows in parts.items() if part != _SHARING.part}
    shared = {part: rows for part, rows in parts.items() if part == _SHARING.part}
    yield Section(
        title="The encoder next to its peers",
        text=(
            "MiniLM (L6 H384) in each system, measured in turns in one run by "
            "`python -m benchmarks.encoder DATA WORK`: medians. Words are spaCy "
            "tokens. ONNX Runtime makes no Docs: it gets tokenized text in batches "
            "sorted by length."
        ),
        parts=compared,
        table=comparison_table(compared, _COMPARISONS),
    )
    yield Section(
        title="Five heads on one encoder",
        text=(
            "The same texts through one pipeline of five heads and through five "
            "pipelines of one head each, by `python -m benchmarks.encoder DATA WORK "
            "--only sharing`."
        ),
        parts=shared,
        table=comparison_table(shared, [_SHARING]),
    )
