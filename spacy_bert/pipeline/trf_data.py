"""What an encoder gave each piece -> `doc._.trf_data`, as spacy-transformers sets it.

For components of others that read it. Needs the extra [transformers], which nothing
else here does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from spacy.tokens import Doc
from thinc.api import torch2xp
from thinc.types import Ragged
from torch import Tensor

from .shim import BertShim
from .windows import WindowBatch

_PACKAGE = "spacy_transformers"


@dataclass(frozen=True, kw_only=True)
class Window:
    """A sequence of a Doc.

    piece_ids, segment_ids: int64, (n_pieces,), with [CLS] and [SEP].
    hidden: (n_pieces, hidden_width), of the last layer.
    positions, tokens: int64, (n_pairs,); a piece and a token, counted through the batch
        of Docs, that share a character.
    """

    piece_ids: NDArray[np.int64]
    segment_ids: NDArray[np.int64]
    hidden: Tensor
    positions: NDArray[np.int64]
    tokens: NDArray[np.int64]


class WindowCollector:
    """Keeps the windows of a batch of Docs while they are encoded, in `windows`: those
    of each Doc, in the order of their tokens."""

    def __init__(self, n_docs: int) -> None:
        self.windows: list[list[Window]] = [[] for _ in range(n_docs)]

    def __call__(self, batch: WindowBatch, hidden: Tensor) -> None:
        """hidden: (n_pieces, hidden_width), of the last layer."""
        packed = batch.packed
        ends = np.cumsum(packed.lengths)
        pair_ends = np.searchsorted(batch.pair_positions, ends)
        stops = zip(ends, pair_ends, strict=True)
        start, first_pair = 0, 0
        for doc, (stop, last_pair) in zip(batch.docs, stops, strict=True):
            pairs = slice(first_pair, last_pair)
            window = Window(
                piece_ids=packed.piece_ids[start:stop].cpu().numpy(),
                segment_ids=packed.segment_ids[start:stop].cpu().numpy(),
                hidden=hidden[start:stop],
                positions=batch.pair_positions[pairs] - start,
                tokens=batch.pair_tokens[pairs],
            )
            self.windows[doc].append(window)
            start, first_pair = stop, last_pair
        # Windows come by length.
        for windows in self.windows:
            windows.sort(key=lambda one: one.tokens[0] if len(one.tokens) else 0)


def check_installed(component: str) -> None:
    """Raise ValueError if spacy-transformers is absent; else let Docs have trf_data."""
    if find_spec(_PACKAGE) is None:
        raise ValueError(
            f"[components.{component}] trf_data = true: expected spacy-transformers, "
            "whose classes it is made of. Install it: pip install "
            "'spacy-bert[transformers]'"
        )
    if not Doc.has_extension("trf_data"):
        Doc.set_extension("trf_data", default=None)


def set_trf_data(
    docs: Sequence[Doc], windows: Sequence[Sequence[Window]], shim: BertShim
) -> None:
    """windows: those of each Doc."""
    first_token = 0
    for doc, some in zip(docs, windows, strict=True):
        doc._.trf_data = _make_data(doc, some, shim, first_token)
        first_token += len(doc)


def _make_data(
    doc: Doc, windows: Sequence[Window], shim: BertShim, first_token: int
) -> Any:
    classes = import_module(f"{_PACKAGE}.data_classes")
    if not windows:
        width = shim.architecture.hidden_width
        empty = classes.TransformerData
        return empty.zeros(len(doc), width) if len(doc) else empty.empty()
    hidden = _padded([one.hidden for one in windows])
    with torch.no_grad():
        pooled = shim.encoder.pool(hidden[:, 0])
    return classes.TransformerData(
        wordpieces=_make_pieces(windows, shim, classes.WordpieceBatch),
        model_output=classes.ModelOutput(
            last_hidden_state=torch2xp(hidden), pooler_output=torch2xp(pooled)
        ),
        align=_align(doc, windows, first_token, width=hidden.shape[1]),
    )


def _make_pieces(windows: Sequence[Window], shim: BertShim, make: Any) -> Any:
    tokenizer = shim.tokenizer
    ids = [torch.from_numpy(one.piece_ids) for one in windows]
    segments = [torch.from_numpy(one.segment_ids) for one in windows]
    padded = _padded(ids, fill=tokenizer.pad_id).numpy()
    mask = _padded([torch.ones(len(one), dtype=torch.float32) for one in ids])
    return make(
        strings=[[tokenizer.pieces[i] for i in row] for row in padded.tolist()],
        input_ids=padded,
        attention_mask=mask.numpy(),
        lengths=[len(one) for one in ids],
        token_type_ids=_padded(segments).numpy(),
    )


def _align(
    doc: Doc, windows: Sequence[Window], first_token: int, *, width: int
) -> Ragged:
    """Which pieces each token has, counted through the Doc's windows with padding."""
    tokens = np.concatenate([one.tokens for one in windows]) - first_token
    positions = np.concatenate(
        [i * width + one.positions for i, one in enumerate(windows)]
    )
    by_token = np.lexsort((positions, tokens))
    lengths = np.bincount(tokens, minlength=len(doc))
    return Ragged(positions[by_token].astype("i"), lengths.astype("i"))  # type: ignore


def _padded(rows: Sequence[Tensor], *, fill: int = 0) -> Tensor:
    pad = partial(torch.nn.utils.rnn.pad_sequence, batch_first=True)
    padded: Tensor = pad(list(rows), padding_value=fill)
    return padded
