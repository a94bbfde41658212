"""The Thinc model: list[Doc] -> list[Floats2d], the one border between Thinc and torch.

Docs become integers, one torch module makes all vectors of the batch, and one array
comes back, of which each Doc gets a view. All differentiation stays in torch.
"""

from collections.abc import Callable
from typing import Any, cast, get_args

from spacy import registry
from spacy.pipeline.tok2vec import Tok2VecListener
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d

from ..model.config import Activation, BertConfig
from ..tokenization import train_wordpiece
from .config_errors import takes_config
from .encoding import encode_docs, get_shim
from .learn_rates import LearnRates
from .listeners import Vectors, get_takes
from .precision import Precision
from .segments import check_pair_separator, warn_of_unread_pairs
from .shim import BertShim, Freeze
from .token_vectors import Combine, LayerChoice
from .windows import N_SPECIAL

# Of a vocabulary learned from training examples, which are a small corpus.
DEFAULT_VOCAB_SIZE = 4000

# Of an encoder that is added without settings, and so of heads that listen to one.
DEFAULT_WIDTH = 256


@registry.architectures("spacy-bert.BertEncoder.v1")
@takes_config
def build_bert_encoder(
    hidden_width: int = DEFAULT_WIDTH,
    n_layers: int = 4,
    n_heads: int = 4,
    intermediate_width: int = 1024,
    max_positions: int = 512,
    n_segments: int = 2,
    activation: str = "gelu",
    layer_norm_eps: float = 1e-12,
    layers: int | list[int] = -1,
    combine: str = "mean",
    window_width: int | None = None,
    window_overlap: int | None = None,
    max_batch_pieces: int | None = None,
    freeze: str | int = "none",
    learn_rate_factor: float = 1.0,
    max_learn_rate: float | None = None,
    layer_decay: float = 1.0,
    precision: str = "fp32",
    recompute: bool = False,
    pair_separator: str | None = None,
) -> Model[list[Doc], list[Floats2d]]:
    """BERT over Docs of any length, one vector a token.

    hidden_width ... layer_norm_eps: the checkpoint's numbers (its `config.json`).
    layers: which layers the tokens' vectors come from, counted from 1 (0: the
        embeddings) or, below 0, from the top; by default the last.
    combine: "mean" of several layers, or "concat", which makes vectors as many times as
        wide. [CLS] is always the last layer's.
    window_width: pieces a sequence may have with [CLS] and [SEP]; by default 256, or
        max_positions if that is less. Attention makes wider ones slower.
    window_overlap: pieces that two windows of a long Doc share; by default an eighth.
    max_batch_pieces: how many pieces go through the encoder at once; by default 1,024
        or 2,048 on the CPU, whose cache then holds them, and 16,384 elsewhere.
    freeze: what is not trained: nothing, the embeddings, the embeddings and the first
        N layers, or all.
    learn_rate_factor: the encoder's learning rate over the optimizer's, which the heads
        have.
    max_learn_rate: what the encoder's learning rate never exceeds. With Adam the
        default is 5e-5 for a hidden_width of 768 and more, and in proportion higher for
        narrower encoders: 1e-4 for 384.
    layer_decay: each layer's learning rate over that of the layer above it.
    precision: fp32; bf16 or fp16, which hold on a GPU; int8, for prediction only.
    recompute: train in less memory and a third more time, by gradient checkpointing.
    pair_separator: the character of white space that makes a Doc a pair of texts, if
        it is there once, such as "\\x1e"; by default every Doc is one text.

    Raises ValueError if a number is impossible. There are no weights until the
    component loads or initializes them.
    """
    config = BertConfig(
        vocab_size=1,  # The vocabulary's size comes with the weights.
        hidden_width=hidden_width,
        n_layers=n_layers,
        n_heads=n_heads,
        intermediate_width=intermediate_width,
        max_positions=max_positions,
        n_segments=n_segments,
        activation=cast(Activation, activation),
        layer_norm_eps=layer_norm_eps,
    )
    width = min(256, max_positions) if window_width is None else window_width
    if window_overlap is None:
        window_overlap = (width - N_SPECIAL) // 8
    _check_settings(
        config,
        width=width,
        overlap=window_overlap,
        max_batch_pieces=max_batch_pieces,
        freeze=freeze,
        precision=precision,
    )
    check_pair_separator(pair_separator, n_segments=n_segments, window_width=width)
    choice = _choose_layers(layers, combine, n_layers)
    return Model(
        "bert_encoder",
        _forward,
        init=_init,
        dims={"nO": hidden_width * choice.n_widths},
        attrs={
            "dropout_rate": 0.0,
            "layers": list(choice.layers),
            "combine": choice.combine,
            "window_width": width,
            "window_overlap": window_overlap,
            "max_batch_pieces": max_batch_pieces,
            "pair_separator": pair_separator,
            "takes": "tokens",
            "replace_listener": _replace_listener,
            "replace_listener_cfg": _replace_listener_config,
        },
        shims=[
            BertShim(
                config,
                freeze=cast(Freeze, freeze),
                learn_rates=LearnRates(
                    factor=learn_rate_factor,
                    maximum=max_learn_rate,
                    layer_decay=layer_decay,
                ),
                precision=cast(Precision, precision),
                recompute=recompute,
            )
        ],
    )


@registry.architectures("spacy-bert.ClsVectors.v1")
@takes_config
def build_cls_vectors(
    encoder: Model[list[Doc], list[Floats2d]], pooled: bool = True
) -> Model[list[Doc], Floats2d]:
    """An encoder of a head's own, which gives the vector of [CLS], one a Doc.

    `nlp.replace_listeners` puts it in the place of a `spacy-bert.ClsListener.v1`.
    """
    get_shim(encoder)  # Refuses other architectures.
    encoder.attrs["takes"] = "pooled" if pooled else "cls"
    return cast(Model[list[Doc], Floats2d], encoder)


def _forward(
    model: Model, docs: list[Doc], is_train: bool
) -> tuple[Any, Callable[[Any], list[Doc]]]:
    encoded, backprop_vectors = encode_docs(model, docs, is_train)
    takes: Vectors = model.attrs["takes"]

    def backprop(gradient: Any) -> list[Doc]:
        if takes == "tokens":
            gradient = model.ops.xp.concatenate(gradient)
        backprop_vectors({takes: gradient})
        return []

    return getattr(encoded, takes), backprop


def _replace_listener(copied: Model, listener: Tok2VecListener, encoder: Any) -> Model:
    """spaCy's hook: an encoder in a listener's place gives what it took.

    Raises ValueError if a head has several listeners: spaCy would replace every
    other one, and does not tell `_replace_listener_config` which block it is about.
    """
    for head, listeners in encoder.listener_map.items():
        if listener in listeners and len(listeners) > 1:
            raise ValueError(
                f"replace_listeners: expected a head with one listener, and {head!r} "
                f"has {len(listeners)}. Keep {encoder.name!r} in the pipeline, with "
                "freeze = 'all' if it should stay as it is. This pipeline's config "
                "is changed already: load it anew."
            )
    copied.attrs["takes"] = get_takes(listener)
    return copied


def _replace_listener_config(
    encoder: dict[str, Any], listener: dict[str, Any]
) -> dict[str, Any]:
    if listener["@architectures"] != "spacy-bert.ClsListener.v1":
        return encoder
    return {
        "@architectures": "spacy-bert.ClsVectors.v1",
        "encoder": encoder,
        "pooled": listener.get("pooled", True),
    }


def _init(model: Model, X: list[Doc] | None = None, Y: None = None) -> None:
    """Random weights, if a model that stands alone inside a head has none yet."""
    shim = get_shim(model)
    texts = [doc.text for doc in X or []]
    warn_of_unread_pairs(texts, model.attrs["pair_separator"])
    if not shim.has_weights and texts:
        shim.start_at_random(train_wordpiece(texts, vocab_size=DEFAULT_VOCAB_SIZE))


def _choose_layers(layers: int | list[int], combine: str, n_layers: int) -> LayerChoice:
    asked = [layers] if isinstance(layers, int) else layers
    numbers = range(-n_layers - 1, n_layers + 1)
    if not asked or not all(type(n) is int and n in numbers for n in asked):
        raise ValueError(
            f"layers must be numbers from {-n_layers - 1} to n_layers = {n_layers}, "
            f"got {layers!r}."
        )
    if combine not in get_args(Combine):
        raise ValueError(f"combine must be 'mean' or 'concat', got {combine!r}.")
    # -1: the last of n_layers + 1.
    return LayerChoice(
        layers=tuple(layer % (n_layers + 1) for layer in asked),
        combine=cast(Combine, combine),
    )


def _check_settings(
    config: BertConfig,
    *,
    width: int,
    overlap: int,
    max_batch_pieces: int | None,
    freeze: str | int,
    precision: str,
) -> None:
    if not N_SPECIAL < width <= config.max_positions:
        raise ValueError(
            f"window_width must lie in [{N_SPECIAL + 1}, max_positions = "
            f"{config.max_positions}], got {width}."
        )
    if not 0 <= overlap < width - N_SPECIAL:
        raise ValueError(
            f"window_overlap must lie in [0, window_width - {N_SPECIAL} = "
            f"{width - N_SPECIAL}), got {overlap}."
        )
    if precision not in get_args(Precision):
        raise ValueError(
            f"precision must be one of {', '.join(get_args(Precision))}, got "
            f"{precision!r}."
        )
    if max_batch_pieces is not None and max_batch_pieces < 1:
        raise ValueError(
            f"max_batch_pieces must be at least 1, got {max_batch_pieces}."
        )
    is_number = type(freeze) is int and 0 <= freeze <= config.n_layers
    if not is_number and freeze not in ("none", "embeddings", "all"):
        raise ValueError(
            "freeze must be 'none', 'embeddings', 'all' or a number of layers up to "
            f"{config.n_layers}, got {freeze!r}."
        )
