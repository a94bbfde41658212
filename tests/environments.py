"""Wheels, and virtual environments to install them in."""

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]


def build_project(folder):
    pip(sys.executable, "wheel", "--no-deps", "--wheel-dir", folder, ROOT)
    (wheel,) = folder.glob("spacy_bert-*.whl")
    return wheel


def package(pipeline, name):
    """With `spacy package`. Returns the wheel's path."""
    folder = pipeline.with_name(f"package_{name}")
    folder.mkdir()
    command = [sys.executable, "-m", "spacy", "package", pipeline, folder]
    subprocess.run([*command, "--name", name, "--build", "wheel"], check=True)
    (wheel,) = folder.rglob("*.whl")
    return wheel


def make_environment(path):
    """A virtual environment that borrows the packages of this one. What is installed
    into it comes before them."""
    venv.create(path, with_pip=True)
    python = path / "bin" / "python"
    query = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = subprocess.run(
        [python, "-c", query], capture_output=True, text=True, check=True
    ).stdout.strip()
    ours = sysconfig.get_path("purelib")
    Path(site, "borrowed.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
    return python


def pip(python, *args):
    command = [python, "-m", "pip", "--quiet", *args]
    subprocess.run([str(part) for part in command], check=True)
