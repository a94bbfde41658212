"""Wheels, and virtual environments to install them in."""

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

from spacy.cli import package

ROOT = Path(__file__).parents[1]


def build_project(folder):
    pip(sys.executable, "wheel", "--no-deps", "--wheel-dir", folder, ROOT)
    (wheel,) = folder.glob("spacy_bert-*.whl")
    return wheel


def package_pipeline(path, name):
    """As `spacy package --build wheel` does, without starting spaCy again. Returns the
    wheel's path."""
    folder = path.with_name(f"package_{name}")
    folder.mkdir()
    package(
        path,
        folder,
        name=name,
        create_sdist=False,
        create_wheel=True,
        require_parent=True,
    )
    (wheel,) = folder.rglob("*.whl")
    return wheel


def make_environment(path, *, without=None):
    """A virtual environment that borrows the packages of this one, pip too. What is
    installed into it comes before them.

    without: what the name of a package that is not borrowed begins with.
    """
    venv.create(path)
    python = path / "bin" / "python"
    query = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = subprocess.run(
        [python, "-c", query], capture_output=True, text=True, check=True
    ).stdout.strip()
    ours = Path(sysconfig.get_path("purelib"))
    if without is not None:
        borrowed = path / "borrowed"
        borrowed.mkdir()
        for part in ours.iterdir():
            if without not in part.name:
                (borrowed / part.name).symlink_to(part)
        ours = borrowed
    Path(site, "borrowed.pth").write_text(
        f"import site; site.addsitedir({str(ours)!r})\n"
    )
    return python


def pip(python, *args):
    command = [python, "-m", "pip", "--quiet", *args]
    subprocess.run([str(part) for part in command], check=True)
