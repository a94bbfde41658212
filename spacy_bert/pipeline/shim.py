"""A BERT encoder and its vocabulary inside a Thinc model."""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import torch
from spacy.util import logger
from thinc.api import Optimizer, get_torch_default_device, xp2torch
from thinc.shims import Shim
from torch import Tensor

from ..checkpoint.loading import Bert, load_bert
from ..checkpoint.pretraining_heads import PretrainingHeads
from ..checkpoint.saving import save_checkpoint
from ..model.config import BertConfig
from ..model.encoder import BertEncoder, initialize_weights
from ..model.quantized import is_quantized, quantize
from ..tokenization import PieceTokenizer
from .compatibility import check_architecture
from .engines import Engine, EngineName, HiddenStates, make_engine
from .learn_rates import LearnRates, default_maximum, is_ruinous
from .optimizer import step
from .precision import GradientScale, Precision
from .rehearsal import Lent, lend, take_back
from .serialization import EMPTY, deserialize, serialize

Freeze = Literal["none", "embeddings", "all"] | int

_NO_WEIGHTS = (
    "The BERT encoder has no weights yet. Load a pretrained checkpoint with "
    "spacy_bert.add_encoder(nlp, path) or, in a config, with checkpoint = "
    '"path" in [initialize.components], under the encoder\'s name; or call '
    "nlp.initialize(get_examples) to start from random ones. `spacy train` does not "
    "load it if the encoder is in [training] frozen_components: take it out of "
    "there, and set freeze = 'all' in its model."
)


class BertShim(Shim):
    """Holds the torch module, allocated only once weights are there.

    spaCy builds a pipeline several times on the way to one, so an empty shim is cheap.
    """

    _model: BertEncoder | None
    # Those of the checkpoint, for whoever goes on with pretraining; nothing here reads
    # them. A pickle of an earlier version has none.
    heads = PretrainingHeads()

    def __init__(
        self,
        architecture: BertConfig,
        *,
        freeze: Freeze = "none",
        learn_rates: LearnRates | None = None,
        precision: Precision = "fp32",
        recompute: bool = False,
        engine: EngineName = "torch",
    ) -> None:
        super().__init__(None)
        self.architecture = architecture
        self.freeze = freeze
        self.learn_rates = learn_rates or LearnRates()
        self.precision = precision
        self.recompute = recompute
        self.engine: EngineName = engine
        self._engine: Engine | None = None
        self.gradient_scale = GradientScale(precision)
        self._tokenizer: PieceTokenizer | None = None
        self._lent: list[Lent] = []
        # Weights that were loaded count as pretrained.
        self.is_pretrained = False
        self._has_warned = False

    @property
    def has_weights(self) -> bool:
        return self._model is not None

    @property
    def encoder(self) -> BertEncoder:
        """Raises ValueError if no weights were loaded or initialized."""
        if self._model is None:
            raise ValueError(_NO_WEIGHTS)
        # What `nlp.rehearse` has updated by now.
        lent, self._lent = self._lent, []
        take_back(lent)
        return self._model

    @property
    def tokenizer(self) -> PieceTokenizer:
        """Raises ValueError if there are no weights, and so no vocabulary, yet."""
        if self._tokenizer is None:
            raise ValueError(_NO_WEIGHTS)
        return self._tokenizer

    @property
    def hidden_states(self) -> HiddenStates:
        """What computes the encoder's layers while predicting."""
        encoder = self.encoder
        if self._engine is None or self.device.type != "cpu":
            return encoder.hidden_states
        return self._engine.hidden_states

    @property
    def device(self) -> torch.device:
        return self.encoder.embeddings.pieces.weight.device

    def load(
        self,
        path: Path,
        *,
        component: str | None = None,
        **settings: bool | None,
    ) -> None:
        """Take the weights and the vocabulary of a checkpoint folder.

        component: the name of the encoder in its pipeline, for errors.
        settings: of the tokenizer, instead of what the folder says.
        """
        self._set(load_bert(path, **settings), component=component)

    def save(self, path: Path) -> None:
        save_checkpoint(path, self.encoder, self.tokenizer, heads=self.heads)

    @torch.inference_mode(False)
    def start_at_random(self, tokenizer: PieceTokenizer) -> None:
        """Draw weights for a vocabulary, from torch's global generator."""
        logger.warning(
            "The BERT encoder starts from random weights (%d pieces). Pretrain one "
            "first with 'spacy bert pretrain', or give a checkpoint, to do better.",
            tokenizer.n_pieces,
        )
        config = replace(self.architecture, vocab_size=tokenizer.n_pieces)
        # Not on torch's default device, which another library may have changed.
        with torch.device("cpu"):
            encoder = BertEncoder(config)
        initialize_weights(encoder, std=config.initializer_range)
        self._set(Bert(source="random weights", encoder=encoder, tokenizer=tokenizer))
        self.is_pretrained = False

    @torch.inference_mode(False)
    def reinitialize_layers(self, n_layers: int) -> None:
        """Draw the top layers and the pooler again; nothing if n_layers is 0."""
        encoder = self.encoder
        if not 0 <= n_layers <= len(encoder.layers):
            raise ValueError(
                "reinitialize_layers must lie in [0, n_layers = "
                f"{len(encoder.layers)}], got {n_layers}."
            )
        if n_layers:
            std = encoder.config.initializer_range
            for module in (*encoder.layers[-n_layers:], encoder.pooler):
                initialize_weights(module, std=std)

    @torch.inference_mode(False)
    def finish_update(self, optimizer: Optimizer) -> None:
        architecture = self.architecture
        parameters = {
            (self.id, name): parameter
            for name, parameter in self.encoder.named_parameters()
        }
        top = self.learn_rates.top(optimizer, hidden_width=architecture.hidden_width)
        self._check_rate(top * optimizer.learn_rate, optimizer)
        rates = {
            key: top
            * self.learn_rates.layer_ratio(key[1], n_layers=architecture.n_layers)
            for key in parameters
        }
        if isinstance(optimizer, Optimizer):
            step(optimizer, parameters, rates, self.gradient_scale)
        else:
            self._lent = lend(optimizer, parameters, rates, self.gradient_scale)

    def _check_rate(self, rate: float, optimizer: Optimizer) -> None:
        """Warn once if pretrained weights will not survive the rate."""
        width = self.architecture.hidden_width
        is_at_risk = self.is_pretrained and self.freeze != "all"
        if self._has_warned or not is_at_risk:
            return
        if not is_ruinous(rate, optimizer, hidden_width=width):
            return
        self._has_warned = True
        logger.warning(
            "The pretrained BERT encoder learns at a rate of %g. Expected %g or less "
            "for its hidden_width of %d: at a rate this high a pretrained encoder "
            "forgets what it knows. Lower max_learn_rate in the encoder's model, or "
            "leave it out.",
            *(rate, default_maximum(width), width),
        )

    @contextmanager
    def use_params(self, params: Mapping[Any, Any]) -> Iterator[None]:
        """Copy in the averages that the optimizer keeps, if it keeps any.

        In place: memory that is swapped out would be freed under the threads that
        predict with it.
        """
        averages = {
            parameter: xp2torch(params[self.id, name], device=parameter.device)
            for name, parameter in self.encoder.named_parameters()
            if (self.id, name) in params
        }
        with torch.inference_mode(False):
            backup = {parameter: parameter.detach().clone() for parameter in averages}
        _copy_into(averages)
        try:
            yield
        finally:
            _copy_into(backup)

    @torch.inference_mode(False)
    def copy(self) -> "BertShim":
        copied = BertShim(
            self.architecture,
            freeze=self.freeze,
            learn_rates=self.learn_rates,
            precision=self.precision,
            recompute=self.recompute,
            engine=self.engine,
        )
        if self.has_weights:
            copied._model = copy.deepcopy(self.encoder)
            copied._engine = make_engine(copied.engine, copied._model)
        copied._tokenizer, copied.heads = self._tokenizer, self.heads
        copied.is_pretrained = self.is_pretrained
        return copied

    @torch.inference_mode(False)
    def to_device(self, device_type: str, device_id: int) -> None:
        if self.has_weights:
            self.encoder.to("cpu" if device_type == "cpu" else f"cuda:{device_id}")

    @torch.inference_mode(False)
    def __setstate__(self, state: dict[str, Any]) -> None:
        """A pickle that is read in inference mode has tensors of that mode, which can
        never be trained: copies of them can."""
        self.__dict__.update(state)
        if self._model is None:
            return
        tensors = self._model.state_dict()
        if any(tensor.is_inference() for tensor in tensors.values()):
            copies = {name: tensor.clone() for name, tensor in tensors.items()}
            self._model.load_state_dict(copies, assign=True)

    def to_bytes(self) -> bytes:
        if not self.has_weights:
            return EMPTY
        return serialize(self.encoder, self.tokenizer, self.heads)

    @torch.inference_mode(False)
    def from_bytes(self, data: bytes) -> "BertShim":
        if bert := deserialize(data, source="serialized pipeline"):
            self._set(bert)
        return self

    @torch.inference_mode(False)
    def _set(self, bert: Bert, *, component: str | None = None) -> None:
        encoder, source = bert.encoder, bert.source
        check_architecture(
            self.architecture, encoder.config, source=source, component=component
        )
        if is_quantized(encoder) and self.precision != "int8":
            raise ValueError(
                f"{source}: the weights are of 8 bits. Set precision = 'int8' in the "
                "encoder's model, or load the checkpoint that they were made from."
            )
        if self.precision == "int8" and not is_quantized(encoder):
            quantize(encoder)
        if self.precision != "int8":
            # A dense gradient is as large as the vocabulary, for each batch of windows.
            encoder.embeddings.pieces.sparse = True
            encoder.recomputes = self.recompute
            _freeze(encoder, self.freeze)
        self._model = encoder.to(get_torch_default_device())
        self._engine = make_engine(self.engine, encoder)
        self._tokenizer = bert.tokenizer
        # 8-bit weights are not trained further.
        self.heads = PretrainingHeads() if self.precision == "int8" else bert.heads
        self.is_pretrained = True


@torch.inference_mode(False)
@torch.no_grad()
def _copy_into(tensors: Mapping[torch.nn.Parameter, Tensor]) -> None:
    for parameter, tensor in tensors.items():
        parameter.copy_(tensor.view_as(parameter))


def _freeze(encoder: BertEncoder, freeze: Freeze) -> None:
    """Leave out of training what `freeze` names, from the bottom up."""
    n_layers = {"none": 0, "embeddings": 0, "all": len(encoder.layers)}.get(
        str(freeze), freeze
    )
    frozen: list[torch.nn.Module] = list(encoder.layers[: int(n_layers)])
    if freeze != "none":
        frozen.append(encoder.embeddings)
    for module in frozen:
        module.requires_grad_(False)
