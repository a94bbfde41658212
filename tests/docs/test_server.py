"""The server of docs/serving.md, in a process of its own."""

import json
import socket
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from urllib.error import URLError

import pytest
import spacy
from pages import ROOT, read_blocks
from setups import make_pipeline

TEXTS = ["the cat sat on the bank .", "a dog ran", "river river the dog sat", "bank"]


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Its address."""
    monkeypatch.chdir(tmp_path)
    make_pipeline("bert_ner", save="training/model-best")
    blocks = read_blocks(ROOT / "docs" / "serving.md")
    (code,) = [block.text for block in blocks if "FastAPI(" in block.text]
    (tmp_path / "server.py").write_text(code, encoding="utf8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "server:app", "--port", str(port)]
    process = subprocess.Popen([*command, "--app-dir", "."])
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    assert process.wait(timeout=30) is not None


def ask(address, texts):
    request = urllib.request.Request(
        f"{address}/entities",
        data=json.dumps(texts).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def wait_for(address):
    for _ in range(300):
        try:
            return ask(address, [])
        except URLError:
            time.sleep(0.2)
    raise TimeoutError(address)


@pytest.mark.slow
def test_the_server_answers_many_clients_as_the_pipeline_does(server):
    assert wait_for(server) == []
    nlp = spacy.load("training/model-best")
    expected = [
        [[ent.start_char, ent.end_char, ent.label_] for ent in doc.ents]
        for doc in nlp.pipe(TEXTS)
    ]
    assert any(expected)
    with ThreadPoolExecutor(8) as clients:
        answers = list(clients.map(lambda _: ask(server, TEXTS), range(40)))
    assert answers == [expected] * 40
    # One at a time as well.
    assert [ask(server, [text])[0] for text in TEXTS] == expected
