"""The encoder as a graph that ONNX Runtime runs, on the CPU."""

import ctypes
import os
import tempfile
import weakref
from collections.abc import Collection, Sequence
from itertools import groupby
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import torch
from spacy.util import logger
from torch import Tensor

from ...model.batch import PackedBatch
from ...model.encoder import BertEncoder
from ...onnx_graph import INPUTS, save_onnx_model

# From 1.29 on it reports its use to its makers, in a thread. A forked child does not
# have that thread, and would wait for it at its end. Set before the import.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime  # noqa: E402

_sessions: weakref.WeakSet[Any] = weakref.WeakSet()


def _keep_for_ever() -> None:
    """A session that is freed waits for its threads, which are the parent's."""
    for session in _sessions:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(session))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_keep_for_ever)


class OnnxRuntimeEngine:
    """Runs a graph of the encoder's weights as they are when it is first used.

    Once they have changed, torch computes instead: to write a graph after each step of
    a training would take longer than what it saves. A forked process writes one of its
    own, and so does a copy.
    """

    def __init__(self, encoder: BertEncoder) -> None:
        self._encoder = encoder
        self._process = os.getpid()
        self._lock = Lock()
        self._graph: _Graph | None = None
        self._is_stale = False

    def __reduce__(self) -> tuple[type, tuple[BertEncoder]]:
        return type(self), (self._encoder,)

    def hidden_states(
        self, batch: PackedBatch, wanted: Collection[int]
    ) -> dict[int, Tensor]:
        """As `BertEncoder.hidden_states` without dropout."""
        graph = self._find_graph(wanted)
        if graph is None:
            return self._encoder.hidden_states(batch, wanted)
        ids, segments = batch.piece_ids.numpy(), batch.segment_ids.numpy()
        parts, first = [], 0
        # Another call costs less than padding does.
        for length, sequences in groupby(batch.lengths):
            shape = len([*sequences]), length
            stop = first + shape[0] * length
            arrays = (
                ids[first:stop].reshape(shape),
                np.ones(shape, dtype=np.int64),
                segments[first:stop].reshape(shape),
            )
            inputs = dict(zip(INPUTS, arrays, strict=True))
            states = graph.session.run(graph.outputs(wanted), inputs)
            parts.append([state.reshape(stop - first, -1) for state in states])
            first = stop
        return {
            layer: torch.from_numpy(np.concatenate(found))
            for layer, *found in zip(wanted, *parts, strict=True)
        }

    def _find_graph(self, wanted: Collection[int]) -> "_Graph | None":
        """None if the weights have changed."""
        if self._process != os.getpid():
            # Another thread of the parent may have held the lock.
            self._lock, self._graph = Lock(), None
            self._process = os.getpid()
        graph = self._graph
        if graph is not None and not graph.is_current():
            logger.info(
                "The encoder's weights have changed. torch computes it, not ONNX "
                "Runtime, until the pipeline is loaded again."
            )
            self._is_stale, self._graph = True, None
        if self._is_stale:
            return None
        if graph is None or not graph.layers >= {*wanted}:
            with self._lock:
                graph = self._make_graph(wanted)
        return graph

    def _make_graph(self, wanted: Collection[int]) -> "_Graph":
        """Unless another thread has made it meanwhile."""
        graph = self._graph
        known = frozenset() if graph is None else graph.layers
        if graph is None or not known >= {*wanted}:
            graph = self._graph = _Graph(self._encoder, known | {*wanted})
        return graph


class _Graph:
    """layers: those whose vectors it gives, counted from 1; 0: the embeddings."""

    def __init__(self, encoder: BertEncoder, layers: frozenset[int]) -> None:
        self.layers = layers
        # Where each tensor is, what it is, and how often it was changed. Before the
        # values are read: a step that is taken meanwhile counts up afterwards.
        self._state = [
            (owner, name, tensor, _version(tensor))
            for module in encoder.modules()
            for owner in (module._parameters, module._buffers)
            for name, tensor in owner.items()
            if tensor is not None
        ]
        self.session = _make_session(encoder, sorted(layers))

    def is_current(self) -> bool:
        """Whether the encoder's weights are those that it has."""
        return all(
            owner[name] is tensor and _version(tensor) == version
            for owner, name, tensor, version in self._state
        )

    def outputs(self, layers: Collection[int]) -> list[str]:
        return [f"hidden_state_{layer}" for layer in layers]


def _version(tensor: Tensor) -> int:
    # Tensors of inference mode count no versions.
    return -1 if tensor.is_inference() else tensor._version


def _make_session(encoder: BertEncoder, layers: Sequence[int]) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    # Its threads would look for work between two calls, on the cores that torch's and
    # Python's part of a Doc needs (benchmarks/LOG.md).
    options.add_session_config_entry("session.force_spinning_stop", "1")
    # Errors alone: it warns of nodes that it replaces itself.
    options.log_severity_level = 3
    # Windows keeps a file that is mapped.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "model.onnx"
        # Apart, which takes a third of the time: nothing copies them into a message.
        save_onnx_model(
            encoder, path, layers=layers, has_pooler=False, weights_apart=True
        )
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
    _sessions.add(session)
    return session
