"""What the small package of `demo_packages` defines."""

import ast

import pytest
from demo_packages import SOURCE

from spacy_bert.demo.modules import Module
from spacy_bert.demo.symbols import Symbols


@pytest.fixture
def symbols() -> Symbols:
    """What a package named torch defines, where it has boats and bridges."""
    symbols = Symbols()
    symbols.add("torch", Module("torch.water", ast.parse(SOURCE)))
    return symbols
