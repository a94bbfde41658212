"""Small packages written on the spot, so that no installed one is needed."""

import ast
from pathlib import Path

from demo_data.docstrings import Docstring, read_docstrings
from demo_data.packages import Module, Package

SOURCE = '''
class RiverError(ValueError):
    pass

class Boat:
    def __init__(self, hull, *, crew=None):
        pass

    def sail(self, speed):
        pass

def find_bridge(river):
    pass

def count_ducks(pond, min_size=0, axis=None):
    """%s"""
'''


def make_docstring(text: str) -> Docstring:
    """The docstring of `count_ducks(pond, min_size, axis)`."""
    module = Module("torch.water", ast.parse(SOURCE.replace("%s", text)))
    (docstring,) = read_docstrings("torch", module)
    return docstring


THINGS = {"numpy": "stone", "torch": "leaf"}


def make_packages(
    root: Path, things: dict[str, str] = THINGS, n_modules: int = 40
) -> list[Package]:
    """Packages of modules that each describe other things."""
    packages = []
    for name, thing in things.items():
        folder = root / name
        folder.mkdir(parents=True)
        for number in range(n_modules):
            word = "".join("bdfglmnprt"[int(digit)] + "a" for digit in f"{number:03}")
            text = MODULE.format(package=name, thing=thing, word=word)
            (folder / f"{word}.py").write_text(text, encoding="utf8")
        packages.append(Package(name, folder, "1.0"))
    return packages


MODULE = '''"""All about the {thing} of the {word}."""

def weigh_{word}({word}, scale):
    """Weigh the {thing} that the {word} keeps in {package}.

    The {thing} lies below the {word} and `scale` is set with it. Where `{word}` is
    wet, the {thing} of the {word} must be dried before `scale` is read.

    Args:
        {word} (list of str or None, optional): The {word} that holds a {thing}.
        scale (int): How heavy the {thing} under the {word} may be.

    Raises:
        ValueError: If the {word} has lost its {thing}.
    """
'''
