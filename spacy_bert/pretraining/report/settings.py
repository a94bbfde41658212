"""The config of a run -> tables, one for each section."""

from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element

from ...pages.elements import tag

# Longer lists, and those of lists such as the files of a corpus, are counted instead.
_LONGEST = 6


def make_settings(config: Mapping[str, Any]) -> list[Element]:
    """Nothing if there are none yet."""
    if not config:
        return []
    tables = [
        tag(
            "div",
            tag("h3", f"[{section}]"),
            tag("table", *(_row(key, value) for key, value in values.items())),
        )
        for section, values in config.items()
    ]
    return [tag("h2", "Settings"), tag("div", *tables, class_="settings")]


def _row(key: str, value: Any) -> Element:
    return tag("tr", tag("th", key, scope="row"), tag("td", shown(value)))


def shown(value: Any) -> str:
    """As a config has it: null, true, 0.5, "text"."""
    if isinstance(value, list):
        if len(value) > _LONGEST or any(isinstance(item, list) for item in value):
            return f"{len(value):,} in number"
        return ", ".join(map(shown, value)) or "none"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return f"{value:,}" if isinstance(value, int) else str(value)
