"""The version of the installed package, as pip knows it."""

from importlib.metadata import version

__version__ = version("spacy-bert")
