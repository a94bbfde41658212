"""A server on this machine in the layout of the Hugging Face Hub, and processes that
know no other Hub."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

TOKEN = "hf_toy"

_API = re.compile(
    r"/api/models/(?P<name>[\w.-]+(/[\w.-]+)?)(/(revision|tree)/(?P<rev>.+))?"
)
_FILE = re.compile(r"/(?P<name>[\w.-]+(/[\w.-]+)?)/resolve/(?P<rev>[^/]+)/(?P<file>.+)")


@dataclass
class Repository:
    """revisions: the commit, and the folder of its files, by branch or tag."""

    revisions: dict[str, tuple[str, Path]] = field(default_factory=dict)
    is_gated: bool = False

    def find(self, revision: str) -> tuple[str, Path] | None:
        commits = {commit: (commit, path) for commit, path in self.revisions.values()}
        return {**commits, **self.revisions}.get(revision)


class Hub:
    """repositories: by name. moved: old names of some. requests: "GET /..." so far.
    is_broken: it answers nothing but 500."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.repositories: dict[str, Repository] = {}
        self.moved: dict[str, str] = {}
        self.requests: list[str] = []
        self.is_broken = False
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _make_handler(self))
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, daemon=True).start()

    def add(
        self, name: str, source: Path, *, revision: str = "main", gated: bool = False
    ) -> Path:
        """Publish a copy of a folder, which is returned: changes to it show."""
        commit = hashlib.sha1(f"{name}@{revision}".encode()).hexdigest()
        folder = self.folder / "published" / commit
        shutil.copytree(source, folder)
        repository = self.repositories.setdefault(name, Repository())
        repository.revisions[revision] = commit, folder
        repository.is_gated = gated
        return folder

    def downloads(self) -> list[str]:
        """The files that were sent, each as often as it was."""
        sent = (_FILE.fullmatch(r.removeprefix("GET ")) for r in self.requests)
        return sorted(match["file"] for match in sent if match)

    def run(self, code: str, **variables: str) -> str:
        """Standard output of a Python process that has this Hub and an own cache."""
        result = self.start(code, **variables)
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()

    def start(self, code: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        ours = {
            name: value
            for name, value in os.environ.items()
            if not name.lower().startswith(("hf_", "hugging_face_"))
            and not name.lower().endswith("_proxy")
        }
        variables = {
            "HF_ENDPOINT": self.endpoint,
            "HF_HOME": str(self.home),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_XET": "1",
            "PYTHONPATH": os.pathsep.join(sys.path),
            **variables,
        }
        return subprocess.run(
            [sys.executable, "-c", code],
            env={**ours, **variables},
            cwd=self.folder,
            capture_output=True,
            text=True,
        )

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    folder = tmp_path / "hub"
    folder.mkdir()
    hub = Hub(folder)
    yield hub
    hub.close()


def _make_handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer()

        def do_GET(self) -> None:
            self._answer()

        def log_message(self, *args: object) -> None:
            pass

        def _answer(self) -> None:
            path = self.path.partition("?")[0].replace("%2F", "/")
            hub.requests.append(f"{self.command} {path}")
            if hub.is_broken:
                return self._refuse(500, "OutOfOrder")
            match = _API.fullmatch(path) or _FILE.fullmatch(path)
            if match is None:
                return self._refuse(404, "EntryNotFound")
            name = match["name"]
            if name in hub.moved:
                new = self.path.replace(name, hub.moved[name], 1)
                return self._send(307, b"", Location=new)
            repository = hub.repositories.get(name)
            if repository is None:
                return self._refuse(401, "RepoNotFound")
            found = repository.find(match["rev"] or "main")
            if found is None:
                return self._refuse(404, "RevisionNotFound")
            commit, folder = found
            if match.re is _API:
                content = _describe(name, commit, folder)
                # Newer clients ask for the tree, which has the files alone.
                chosen = content["siblings"] if "/tree/" in path else content
                return self._send(200, json.dumps(chosen).encode())
            given = self.headers.get("Authorization")
            if repository.is_gated and given != f"Bearer {TOKEN}":
                return self._refuse(403 if given else 401, "GatedRepo")
            file = folder / match["file"]
            if not file.is_file():
                return self._refuse(404, "EntryNotFound")
            content = file.read_bytes()
            etag = f'"{hashlib.sha1(content).hexdigest()}"'
            self._send(200, content, **{"ETag": etag, "X-Repo-Commit": commit})

        def _refuse(self, status: int, code: str) -> None:
            self._send(status, b"", **{"X-Error-Code": code, "X-Error-Message": code})

        def _send(self, status: int, content: bytes, **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

    return Handler


def _describe(name: str, commit: str, folder: Path) -> dict[str, Any]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    siblings = [
        {
            "rfilename": (file := path.relative_to(folder).as_posix()),
            "path": file,
            "type": "file",
            "size": path.stat().st_size,
            "oid": hashlib.sha1(path.read_bytes()).hexdigest(),
        }
        for path in files
    ]
    return {"_id": commit, "id": name, "sha": commit, "siblings": siblings}
