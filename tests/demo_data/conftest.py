"""What the small package of `demo_packages` defines."""

import ast
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from demo_packages import SOURCE

from demo_data.docstrings import Symbols
from demo_data.packages import Module


@pytest.fixture
def symbols() -> Symbols:
    """What a package named torch defines, where it has boats and bridges."""
    symbols = Symbols()
    symbols.add("torch", Module("torch.water", ast.parse(SOURCE)))
    return symbols
