"""A server with one pipeline: milliseconds that 1, 4 and 16 clients wait."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from http.client import HTTPConnection
from itertools import chain
from pathlib import Path
from time import perf_counter, sleep

import numpy as np
from spacy.language import Language

from ..store import Row
from .systems import WITH_HEADS
from .texts import make_examples, read_tweets, short_texts

_CLIENTS = (1, 4, 16)
# By all clients together, in each round.
_N_REQUESTS = 96
# As in docs/serving.md.
_SERVER = """
from threading import Lock

import spacy
from fastapi import FastAPI

app = FastAPI()
nlp = spacy.load({path!r})
zone = Lock()


@app.post("/entities")
def find_entities(texts: list[str]) -> list[list[tuple[int, int, str]]]:
    with zone, nlp.memory_zone():
        return [
            [(ent.start_char, ent.end_char, ent.label_) for ent in doc.ents]
            for doc in nlp.pipe(texts)
        ]
"""


def serving(data: Path, work: Path, n_rounds: int) -> dict[str, Row]:
    """Milliseconds of a request over loopback, with a text of 10 or 100 words. A
    pipeline with ner and textcat, in one process."""
    examples = make_examples(read_tweets(data)[:64], 1)
    rows: dict[str, Row] = {}
    with ExitStack() as stack:
        ports = {}
        for name, make in WITH_HEADS.items():
            nlp = make()
            nlp.initialize(partial(examples, nlp))
            ports[name] = stack.enter_context(_served(nlp, work / f"served {name}"))
        for n_words, texts in short_texts(data).items():
            for n_clients in _CLIENTS:
                row = f"{n_clients} clients, {n_words} words"
                rows[row] = _measure(ports, texts, n_clients, n_rounds)
    return rows


def _measure(
    ports: Mapping[str, int], texts: list[str], n_clients: int, n_rounds: int
) -> Row:
    """In turns, after a round that does not count."""
    bodies = [json.dumps([texts[i % len(texts)]]) for i in range(_N_REQUESTS)]
    shares = [bodies[i::n_clients] for i in range(n_clients)]
    waited: dict[str, list[float]] = {name: [] for name in ports}
    with ThreadPoolExecutor(n_clients) as clients:
        for n in range(n_rounds + 1):
            for name, port in ports.items():
                found = list(clients.map(partial(_ask, port), shares))
                if n:
                    waited[name] += chain.from_iterable(found)
    return {
        name: {
            "median ms": 1000 * float(np.median(of)),
            "95th percentile ms": 1000 * float(np.percentile(of, 95)),
        }
        for name, of in waited.items()
    }


def _ask(port: int, bodies: list[str]) -> list[float]:
    """Seconds of each request, over one connection."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    waited = []
    for body in bodies:
        start = perf_counter()
        connection.request(
            "POST", "/entities", body, {"Content-Type": "application/json"}
        )
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        json.load(answer)
        waited.append(perf_counter() - start)
    connection.close()
    return waited


@contextmanager
def _served(nlp: Language, folder: Path) -> Iterator[int]:
    """The port of a server that answers."""
    folder.mkdir(exist_ok=True)
    nlp.to_disk(folder / "pipeline")
    code = _SERVER.format(path=str(folder / "pipeline"))
    (folder / "server.py").write_text(code, encoding="utf8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    command = [sys.executable, "-W", "ignore", "-m", "uvicorn", "server:app"]
    command += ["--port", str(port), "--app-dir", str(folder)]
    command += ["--log-level", "warning"]
    with subprocess.Popen(command) as process:
        try:
            _wait_for(port, process)
            yield port
        finally:
            process.terminate()


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    while process.poll() is None:
        try:
            _ask(port, ["[]"])
            return
        except OSError:
            sleep(0.2)
    raise RuntimeError(
        f"The server ended with {process.returncode}; its output says why."
    )
