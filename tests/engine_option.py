"""What predicts in all encoders: `pytest tests/pipeline tests/tasks --engine NAME`.

Engines are equal up to rounding, and torch takes over while a pipeline is trained."""

import numpy as np

from spacy_bert.pipeline.shim import BertShim

_atol = 0.0


def pytest_addoption(parser):
    parser.addoption("--engine", default="torch")


def pytest_configure(config):
    global _atol
    engine, original = config.getoption("--engine"), BertShim.__init__
    if engine == "torch":
        return
    _atol = 1e-5

    def init(shim, *args, **kwargs):
        original(shim, *args, **kwargs)
        shim.engine = engine

    BertShim.__init__ = init


def assert_same(found, expected):
    """To the bit, if torch alone predicts."""
    if _atol and np.asarray(expected).dtype.kind == "f":
        np.testing.assert_allclose(found, expected, rtol=0, atol=_atol)
    else:
        np.testing.assert_array_equal(found, expected)
