"""Our names of settings and tensors <-> those of the Hugging Face BERT layout."""

from ..model.encoder import BertEncoder
from ..model.heads import BertForPretraining

# BertConfig's names -> those of config.json.
CONFIG_KEYS = {
    "vocab_size": "vocab_size",
    "hidden_width": "hidden_size",
    "n_layers": "num_hidden_layers",
    "n_heads": "num_attention_heads",
    "intermediate_width": "intermediate_size",
    "max_positions": "max_position_embeddings",
    "n_segments": "type_vocab_size",
    "activation": "hidden_act",
    "hidden_dropout_prob": "hidden_dropout_prob",
    "attention_dropout_prob": "attention_probs_dropout_prob",
    "layer_norm_eps": "layer_norm_eps",
    "initializer_range": "initializer_range",
}

# Our module -> theirs; several of theirs are stacked along the first axis.
_EMBEDDING_MODULES = {
    "embeddings.pieces": "bert.embeddings.word_embeddings",
    "embeddings.segments": "bert.embeddings.token_type_embeddings",
    "embeddings.positions": "bert.embeddings.position_embeddings",
}
_LAYER_MODULES = {
    "attention.project": (
        "attention.self.query",
        "attention.self.key",
        "attention.self.value",
    ),
    "attention.output": ("attention.output.dense",),
    "attention_norm": ("attention.output.LayerNorm",),
    "intermediate": ("intermediate.dense",),
    "output": ("output.dense",),
    "output_norm": ("output.LayerNorm",),
}

# The head that pretraining adds -> our tensors in it -> theirs.
HEAD_TENSORS = {
    "mlm": {
        "bias": "cls.predictions.bias",
        "transform.weight": "cls.predictions.transform.dense.weight",
        "transform.bias": "cls.predictions.transform.dense.bias",
        "norm.weight": "cls.predictions.transform.LayerNorm.weight",
        "norm.bias": "cls.predictions.transform.LayerNorm.bias",
    },
    "nsp": {
        "weight": "cls.seq_relationship.weight",
        "bias": "cls.seq_relationship.bias",
    },
}


def tensor_names(
    module: BertEncoder | BertForPretraining,
) -> dict[str, tuple[str, ...]]:
    """Each of our tensors -> theirs, stacked along the first axis.

    {"pooler.bias": ("bert.pooler.dense.bias",), "layers.0.attention.project.bias":
    ("bert.encoder.layer.0.attention.self.query.bias", ...), ...}. The scale of 8-bit
    weights, which `transformers` does not know, is named after the weight.
    """
    config, with_heads = module.config, isinstance(module, BertForPretraining)
    modules: dict[str, tuple[str, ...]] = {
        "embeddings.norm": ("bert.embeddings.LayerNorm",),
        "pooler": ("bert.pooler.dense",),
    }
    for i in range(config.n_layers):
        for ours, theirs in _LAYER_MODULES.items():
            modules[f"layers.{i}.{ours}"] = tuple(
                f"bert.encoder.layer.{i}.{name}" for name in theirs
            )
    prefix = "encoder." if with_heads else ""
    names: dict[str, tuple[str, ...]] = {
        f"{prefix}{ours}.weight": (f"{theirs}.weight",)
        for ours, theirs in _EMBEDDING_MODULES.items()
    }
    modules = {f"{prefix}{ours}": theirs for ours, theirs in modules.items()}
    if with_heads:
        for head, tensors in HEAD_TENSORS.items():
            names |= {f"{head}.{ours}": (theirs,) for ours, theirs in tensors.items()}
    for ours, stacked in modules.items():
        for kind in ("weight", "bias"):
            names[f"{ours}.{kind}"] = tuple(f"{name}.{kind}" for name in stacked)
    for ours in module.state_dict():
        if ours.endswith(".scale"):
            stacked = names[ours.replace(".scale", ".weight")]
            names[ours] = tuple(name.replace(".weight", ".scale") for name in stacked)
    return names


def modern_name(name: str) -> str:
    """Names as current `transformers` writes them, with the prefix of a full model."""
    name = name.replace("LayerNorm.gamma", "LayerNorm.weight")
    name = name.replace("LayerNorm.beta", "LayerNorm.bias")
    if name.startswith(("embeddings.", "encoder.", "pooler.")):
        return f"bert.{name}"
    return name


def get_submodule(name: str) -> str:
    """Our submodule that a tensor is in. encoder.pooler.bias -> pooler"""
    return name.removeprefix("encoder.").split(".")[0]
