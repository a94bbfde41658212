"""The Thinc model: list[Doc] -> list[Floats2d], the one border between Thinc and torch.

Docs become integers, one torch module makes all vectors of the batch, and one array
comes back, of which each Doc gets a view. All differentiation stays in torch.
"""

from collections.abc import Callable, Sequence
from typing import Any, cast, get_args

from spacy import registry
from spacy.pipeline.tok2vec import Tok2VecListener
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d

from ..model.config import BertConfig
from ..sections import Mistakes, read_right_keys
from ..tokenization import train_wordpiece
from .config_errors import takes_config
from .encoding import encode_docs, get_shim
from .engines import EngineName
from .foreign_listeners import has_adopted
from .learn_rates import LearnRates
from .listeners import VectorKind, get_vector_kind
from .precision import Precision
from .segments import check_pair_separator, warn_of_unread_pairs
from .shim import BertShim, Freeze
from .token_vectors import Combine, LayerChoice
from .windows import N_SPECIAL

# A vocabulary that is learned from training examples, a small corpus, has this size.
DEFAULT_VOCAB_SIZE = 4000

# An encoder that is added without settings has it, and so have heads that listen to it.
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
    engine: str = "torch",
    recompute: bool = False,
    pair_separator: str | None = None,
) -> Model[list[Doc], list[Floats2d]]:
    """BERT over Docs of any length, one vector a token.

    hidden_width ... layer_norm_eps: the checkpoint's values (its `config.json`).
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
    engine: what predicts on a CPU: "torch", or "onnxruntime", which is faster for short
        texts and needs the extra "onnx". Training is torch's.
    recompute: train in less memory and a third more time, by gradient checkpointing.
    pair_separator: the character of white space that makes a Doc a pair of texts, if
        it is there once, such as "\\x1e"; by default every Doc is one text.

    Raises ValueError with all settings that are impossible. There are no weights until
    the component loads or initializes them.
    """
    mistakes = Mistakes()
    config = read_right_keys(
        BertConfig,
        {
            "vocab_size": 1,  # The vocabulary's size comes with the weights.
            "hidden_width": hidden_width,
            "n_layers": n_layers,
            "n_heads": n_heads,
            "intermediate_width": intermediate_width,
            "max_positions": max_positions,
            "n_segments": n_segments,
            "activation": activation,
            "layer_norm_eps": layer_norm_eps,
        },
        section="",
        mistakes=mistakes,
    )
    width = min(256, max_positions) if window_width is None else window_width
    if window_overlap is None:
        window_overlap = (width - N_SPECIAL) // 8
    _check_windows(width, window_overlap, max_positions, mistakes)
    _check_settings(mistakes, n_layers, max_batch_pieces, freeze)
    _expect_choice("precision", precision, get_args(Precision), mistakes)
    _expect_choice("engine", engine, get_args(EngineName), mistakes)
    mistakes.collect(
        lambda: check_pair_separator(
            pair_separator, n_segments=n_segments, window_width=width
        )
    )
    chosen = [layers] if isinstance(layers, int) else layers
    _check_layers(chosen, combine, n_layers, mistakes)
    learn_rates = mistakes.collect(
        lambda: LearnRates(
            factor=learn_rate_factor, maximum=max_learn_rate, layer_decay=layer_decay
        )
    )
    mistakes.raise_any("a block of 'spacy-bert.BertEncoder.v1'")
    assert config and learn_rates
    choice = LayerChoice(
        # -1: the last of n_layers + 1.
        layers=tuple(layer % (n_layers + 1) for layer in chosen),
        combine=cast(Combine, combine),
    )
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
            "vector_kind": "tokens",
            "replace_listener": _replace_listener,
            "replace_listener_cfg": _replace_listener_config,
        },
        shims=[
            BertShim(
                config,
                freeze=cast(Freeze, freeze),
                learn_rates=learn_rates,
                precision=cast(Precision, precision),
                recompute=recompute,
                engine=cast(EngineName, engine),
            )
        ],
    )


@registry.architectures("spacy-bert.ClsVectors.v1")
@takes_config
def build_cls_vectors(
    encoder: Model[list[Doc], list[Floats2d]], pooled: bool = True
) -> Model[list[Doc], Floats2d]:
    """An encoder of a head's own, which gives the vector of [CLS], one a Doc.

    `nlp.replace_listeners` puts it there instead of a `spacy-bert.ClsListener.v1`.
    """
    get_shim(encoder)  # Refuses other architectures.
    encoder.attrs["vector_kind"] = "pooled" if pooled else "cls"
    return cast(Model[list[Doc], Floats2d], encoder)


def _forward(
    model: Model[Any, Any], docs: list[Doc], is_train: bool
) -> tuple[Any, Callable[[Any], list[Doc]]]:
    encoded, backprop_vectors = encode_docs(model, docs, is_train)
    kind: VectorKind = model.attrs["vector_kind"]

    def backprop(gradient: Any) -> list[Doc]:
        if kind == "tokens":
            gradient = model.ops.xp.concatenate(gradient)
        backprop_vectors({kind: gradient})
        return []

    return getattr(encoded, kind), backprop


def _replace_listener(
    copied: Model[Any, Any], listener: Tok2VecListener, encoder: Any
) -> Model[Any, Any]:
    """spaCy's hook: an encoder that replaces a listener gives the same kind of vectors.

    Raises ValueError if a head has several listeners: spaCy would replace every
    other one, and does not tell `_replace_listener_config` which block it is about. And
    for a listener of spacy-transformers, whose block makes other layers.
    """
    for head, listeners in encoder.listener_map.items():
        if listener in listeners and len(listeners) > 1:
            raise ValueError(
                f"replace_listeners: expected a head with one listener, and {head!r} "
                f"has {len(listeners)}. Keep {encoder.name!r} in the pipeline, with "
                "freeze = 'all' if it should stay as it is. This pipeline's config "
                "is changed already: load it again."
            )
    if has_adopted(listener):
        raise ValueError(
            "replace_listeners: expected a listener of ours in the config, got a "
            "'spacy-transformers.TransformerListener.v1'. python -m spacy bert migrate "
            "writes a config, or a pipeline, with ours. This pipeline's config is "
            "changed already: load it again."
        )
    copied.attrs["vector_kind"] = get_vector_kind(listener)
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


def _init(model: Model[Any, Any], X: list[Doc] | None = None, Y: None = None) -> None:
    """Random weights, if a model that is alone inside a head has none yet."""
    shim = get_shim(model)
    texts = [doc.text for doc in X or []]
    warn_of_unread_pairs(texts, model.attrs["pair_separator"])
    if not shim.has_weights and texts:
        shim.start_at_random(train_wordpiece(texts, vocab_size=DEFAULT_VOCAB_SIZE))


def _check_layers(
    layers: list[int], combine: str, n_layers: int, mistakes: Mistakes
) -> None:
    numbers = range(-n_layers - 1, n_layers + 1)
    mistakes.expect(
        bool(layers) and all(type(n) is int and n in numbers for n in layers),
        setting="layers",
        expected=f"numbers from {-n_layers - 1} to n_layers = {n_layers}",
        got=layers,
        needs=["n_layers"],
    )
    _expect_choice("combine", combine, get_args(Combine), mistakes)


def _check_windows(
    width: int, overlap: int, max_positions: int, mistakes: Mistakes
) -> None:
    mistakes.expect(
        N_SPECIAL < width <= max_positions,
        setting="window_width",
        expected=f"a number from {N_SPECIAL + 1} to max_positions = {max_positions}",
        got=width,
        needs=["max_positions"],
    )
    most = width - N_SPECIAL - 1
    mistakes.expect(
        0 <= overlap <= most,
        setting="window_overlap",
        expected=f"a number from 0 to window_width - {N_SPECIAL + 1} = {most}",
        got=overlap,
        needs=["window_width", "max_positions"],
    )


def _check_settings(
    mistakes: Mistakes,
    n_layers: int,
    max_batch_pieces: int | None,
    freeze: str | int,
) -> None:
    mistakes.expect(
        max_batch_pieces is None or max_batch_pieces >= 1,
        setting="max_batch_pieces",
        expected="at least 1",
        got=max_batch_pieces,
    )
    is_number = type(freeze) is int and 0 <= freeze <= n_layers
    mistakes.expect(
        is_number or freeze in ("none", "embeddings", "all"),
        setting="freeze",
        expected=f"'none', 'embeddings', 'all' or a number of layers up to {n_layers}",
        got=freeze,
        needs=["n_layers"],
    )


def _expect_choice(
    setting: str, value: str, choices: Sequence[str], mistakes: Mistakes
) -> None:
    expected = f"one of {', '.join(choices)}"
    mistakes.expect(value in choices, setting=setting, expected=expected, got=value)
