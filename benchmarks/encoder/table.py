"""Stored results -> the table."""

from collections.abc import Iterator

from ..store import Parts
from ..tables import Comparison, Section, comparison_table

_OURS, _INT8, _TRF = "ours", "ours int8", "spacy-transformers"
_ORT, _ORT_INT8 = "ONNX Runtime", "ONNX Runtime int8"
_SIZES = ((_OURS, _TRF), (_INT8, _TRF))
_COMPARISONS = (
    Comparison(
        part="predicting",
        key="words/s",
        pairs=((_OURS, _TRF), (_OURS, _ORT), (_INT8, _TRF), (_INT8, _ORT_INT8)),
    ),
    Comparison(
        part="predicting",
        key="GFLOP/s of matrix products",
        pairs=((_OURS, "products alone"),),
    ),
    Comparison(
        part="latency",
        key="Docs/s one at a time",
        pairs=((_OURS, _TRF), (_OURS, _ORT), (_INT8, _ORT_INT8)),
    ),
    Comparison(part="training", key="nlp.update words/s", pairs=((_OURS, _TRF),)),
    Comparison(part="memory", key="peak MB", pairs=_SIZES),
    Comparison(part="memory", key="MB added", pairs=((_OURS, "its vectors"),)),
    Comparison(part="startup", key="seconds to the first prediction", pairs=_SIZES),
    Comparison(part="startup", key="MB on disk", pairs=_SIZES),
    Comparison(part="growth", key="microseconds a token", pairs=((_OURS, None),)),
    Comparison(
        part="quality",
        key="score",
        pairs=((_INT8, _OURS),),
        digits=1,
        is_difference=True,
    ),
)
_SHARING = Comparison(
    part="sharing", key="words/s", pairs=(("one encoder", "five pipelines"),)
)


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
