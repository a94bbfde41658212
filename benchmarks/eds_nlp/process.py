"""The process that runs `peer.py`, and what it is asked."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..spacy_runs import minilm

_SCRIPT = Path(__file__).with_name("peer.py")


class Peer:
    def __init__(self, process: "subprocess.Popen[str]", log: Path) -> None:
        self._process, self._log = process, log

    def open(self, train: Path, *, has_convolution: bool) -> str:
        """A pipeline of MiniLM for the labels of `train`; the peer's versions."""
        versions: str = self.ask(
            "open", checkpoint=minilm(), train=train, has_convolution=has_convolution
        )["versions"]
        return versions

    def ask(self, what: str, **arguments: Any) -> dict[str, Any]:
        """The answer of the method `what` of the script's Peer."""
        request = {"do": what, **arguments}
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            print(
                json.dumps(request, default=str), file=self._process.stdin, flush=True
            )
        except BrokenPipeError:
            pass  # It has ended, as the empty answer says.
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"EDS-NLP ended at {request}; see {self._log}")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def open_peer(python: Path, log: Path) -> Iterator[Peer]:
    """python: of the environment; log: what it prints."""
    with (
        log.open("w", encoding="utf8") as file,
        subprocess.Popen(
            [str(python), "-W", "ignore", str(_SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
        ) as process,
    ):
        try:
            yield Peer(process, log)
        finally:
            process.kill()
