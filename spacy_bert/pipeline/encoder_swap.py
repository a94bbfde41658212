"""A config whose heads share another package's encoder -> one with a `bert_encoder`.

Sections and keys keep their order. What is not about the encoder stays.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from spacy.util import CONFIG_SECTION_ORDER, copy_config
from thinc.api import Config

from .listeners import LISTENER

ENCODER = "bert_encoder"

# Factories of encoders that heads listen to, and the listeners of each.
_LISTENERS = {
    "tok2vec": "spacy.Tok2VecListener.v1",
    "transformer": "spacy-transformers.TransformerListener.v1",
    "curated_transformer": "spacy-curated-transformers.LastTransformerLayerListener.v1",
}

# Packages whose other blocks inside a head are encoders, or other listeners.
_PACKAGES = ("spacy-transformers.", "spacy-curated-transformers.")

_MEAN = "reduce_mean.v1"


def find_encoder(config: Mapping[str, Any]) -> tuple[str, str]:
    """Return the name and the factory of the one encoder that heads listen to.

    Raises ValueError if there is none, or several, or our own.
    """
    components = config.get("components", {})
    found = {
        name: block["factory"]
        for name, block in components.items()
        if block.get("factory") in _LISTENERS
    }
    if any(block.get("factory") == ENCODER for block in components.values()):
        raise ValueError(
            f"Expected one of {', '.join(_LISTENERS)} as the encoder, got a "
            f"{ENCODER!r}: there is nothing to migrate."
        )
    if not found:
        raise ValueError(
            f"Expected a component whose factory is one of {', '.join(_LISTENERS)}, "
            f"got {', '.join(components) or 'no components'}. For a new config: "
            "python -m spacy bert init-config"
        )
    if len(found) > 1:
        raise ValueError(
            f"Expected one encoder, got {' and '.join(found)}. Let all heads listen to "
            "one of them, and take the other out of the config."
        )
    return next(iter(found.items()))


def swap_encoder(
    config: Mapping[str, Any], block: Mapping[str, Any], *, checkpoint: str | None
) -> Config:
    """Return a copy of a config, not interpolated, whose encoder is a `bert_encoder`.

    block: the encoder's `model`.
    checkpoint: what `[initialize]` says it starts from; a variable, or a path.

    Raises ValueError, with the section's name, for what has no counterpart: a pooling
    other than the mean, a head with an encoder of its own, other listeners.
    """
    old, factory = find_encoder(config)
    new: dict[str, Any] = copy_config(config)  # type: ignore[arg-type]
    block = dict(block)
    for name, component in new["components"].items():
        if "source" in component:
            raise ValueError(
                f"[components.{name}]: expected a component to be trained, got one "
                f"from {component['source']!r}, which was trained with another "
                "encoder. Migrate that pipeline first: python -m spacy bert migrate "
                f"{component['source']} NEW"
            )
    new["components"] = {
        ENCODER if name == old else name: {"factory": ENCODER, "model": block}
        if name == old
        else swap_listeners(component, f"components.{name}", old=old, factory=factory)
        for name, component in new["components"].items()
    }
    _rename_in_lists(new, old)
    _unfreeze(new, block)
    settings = new.setdefault("initialize", {})
    others = dict(settings.get("components") or {})
    others.pop(old, None)
    settings["components"] = {ENCODER: {"checkpoint": checkpoint}, **others}
    return Config(
        _rename_in_variables(new, old),
        is_interpolated=False,
        section_order=CONFIG_SECTION_ORDER,
    )


def swap_listeners(block: Any, section: str, *, old: str, factory: str) -> Any:
    """Return a head's block with listeners of ours.

    section: its name. old, factory: the name of the encoder that it listens to, and
        what makes it.
    """
    if not isinstance(block, Mapping):
        return block
    architecture = str(block.get("@architectures", ""))
    is_listener = architecture == _LISTENERS[factory]
    if is_listener and block.get("upstream", "*") in ("*", old):
        return _make_listener(block, section)
    if architecture.startswith(_PACKAGES) and not is_listener:
        raise ValueError(
            f"[{section}]: expected @architectures = {_LISTENERS[factory]!r}, got "
            f"{architecture!r}, which has no counterpart here. Let the head listen to "
            f"{old!r} by the expected one, and train it again."
        )
    return {
        key: swap_listeners(value, f"{section}.{key}", old=old, factory=factory)
        for key, value in block.items()
    }


def window_width(get_spans: dict[str, Any], *, max_positions: int) -> int | None:
    """Return the window in pieces that holds what one of spacy-transformers holds.

    get_spans: a block of it. None: the default, which is enough for 128 tokens.
    """
    if get_spans.get("@span_getters") == "spacy-transformers.doc_spans.v1":
        return max_positions
    width = 2 * int(get_spans.get("window", 128))
    return None if width <= 256 else min(width, max_positions)


def walk_blocks(block: Any, section: str = "") -> Iterable[tuple[str, dict[str, Any]]]:
    """Yield a block and all inside it, with their names."""
    if isinstance(block, dict):
        yield section, block
        for key, value in block.items():
            yield from walk_blocks(value, f"{section}.{key}".lstrip("."))


def _make_listener(block: Mapping[str, Any], section: str) -> dict[str, Any]:
    pooling = block.get("pooling", {}).get("@layers", _MEAN)
    if pooling != _MEAN:
        raise ValueError(
            f"[{section}.pooling]: expected @layers = {_MEAN!r}, which is what "
            f"{ENCODER!r} gives, got {pooling!r}. Set it, and train the head again."
        )
    grad_factor = block.get("grad_factor", 1.0)
    extra = {} if grad_factor == 1.0 else {"grad_factor": grad_factor}
    return {**LISTENER, "upstream": ENCODER, **extra}


def _rename_in_lists(config: dict[str, Any], old: str) -> None:
    for section, key in (
        ("nlp", "pipeline"),
        ("nlp", "disabled"),
        ("training", "frozen_components"),
        ("training", "annotating_components"),
    ):
        names = config.get(section, {}).get(key)
        if isinstance(names, list):
            config[section][key] = [ENCODER if n == old else n for n in names]


def _unfreeze(config: dict[str, Any], block: dict[str, Any]) -> None:
    """Freeze the encoder by its own setting: spaCy does not read the checkpoint of a
    component that is in frozen_components."""
    training = config.get("training", {})
    if ENCODER in training.get("frozen_components", []):
        training["frozen_components"].remove(ENCODER)
        block["freeze"] = "all"


def _rename_in_variables(config: dict[str, Any], old: str) -> dict[str, Any]:
    """Raise ValueError for a variable that names what the new encoder lacks."""
    widths = rf"components\.{re.escape(old)}\.model(\.encode)?\.width\b"

    def rename(value: str, section: str) -> str:
        value = re.sub(widths, f"components.{ENCODER}.model.hidden_width", value)
        if f"${{components.{old}." in value and old != ENCODER:
            raise ValueError(
                f"[{section}]: expected no variable of the old encoder, got {value}. "
                "Write its value there."
            )
        return value

    renamed: dict[str, Any] = _map_strings(config, rename, "")
    return renamed


def _map_strings(value: Any, change: Callable[[str, str], str], section: str) -> Any:
    if isinstance(value, dict):
        return {
            key: _map_strings(inner, change, f"{section}.{key}".lstrip("."))
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_map_strings(inner, change, section) for inner in value]
    return change(value, section) if isinstance(value, str) else value
