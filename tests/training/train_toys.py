"""Runs of training on toy data, whole, killed or on several ranks."""

import io
import os
import signal
import warnings
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from spacy.training.initialize import init_nlp
from spacy.training.loop import train as spacy_loop
from spacy.util import load_config

from spacy_bert.processes.ranks import SINGLE_PROCESS
from spacy_bert.training import loop
from spacy_bert.training.loop import train


def read_config(path, overrides=None):
    return load_config(path, overrides=overrides or {}, interpolate=False)


def run_ours(config_path, output, overrides=None, *, ranks=SINGLE_PROCESS, **options):
    """What it returns, and what it wrote."""
    said = io.StringIO()
    config = read_config(config_path, overrides)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcome = train(
            config,
            Path(output),
            stdout=said,
            stderr=io.StringIO(),
            ranks=ranks,
            **options,
        )
    return outcome, said.getvalue()


def run_spacys(config_path, output, overrides=None):
    said = io.StringIO()
    Path(output).mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nlp = init_nlp(read_config(config_path, overrides))
        spacy_loop(nlp, Path(output), stdout=said, stderr=said)
    return said.getvalue()


def files_of(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file()
    }


def same_pipelines(one, other):
    """Both folders have the same model-last and model-best, to the bit."""
    for name in ("model-last", "model-best"):
        ours, theirs = files_of(one / name), files_of(other / name)
        assert ours.keys() == theirs.keys() and ours
        for path in ours:
            assert ours[path] == theirs[path], path


@contextmanager
def trouble(what, n):
    """In the n-th step, `what` happens: a signal, or an error that is raised."""
    calls, real = count(1), loop.subdivide_batch

    def troubled(*args):
        if next(calls) == n:
            if isinstance(what, signal.Signals):
                os.kill(os.getpid(), what)
            else:
                raise what
        return real(*args)

    loop.subdivide_batch = troubled
    try:
        yield
    finally:
        loop.subdivide_batch = real


def run_rank(ranks, config_path, output, overrides, options, trouble_of=None):
    """For a RankPair. trouble_of: (rank, what, n)."""
    if trouble_of and trouble_of[0] == ranks.rank:
        with trouble(*trouble_of[1:]):
            return run_ours(config_path, output, overrides, ranks=ranks, **options)
    return run_ours(config_path, output, overrides, ranks=ranks, **options)
