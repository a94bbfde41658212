"""How a run is started, apart from its config."""

from collections.abc import Callable
from dataclasses import dataclass

from ...corpus.documents import Splitter


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """As in `pretrain`. write: takes lines to print."""

    resume: bool = False
    overwrite: bool = False
    n_process: int = 1
    splitter: Splitter | None = None
    command: str = ""
    write: Callable[[str], None] = print
