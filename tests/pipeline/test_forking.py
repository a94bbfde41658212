"""A process that is forked after a prediction predicts too, with threads of its own."""

import os
import subprocess
import sys
from typing import get_args

import pytest

from spacy_bert.pipeline.engines import EngineName

# In a process of its own: tests that run side by side have one thread each, and torch
# waits for those that are missing only if there were two.
SCRIPT = """
import os, signal, sys
import numpy as np
import spacy, torch
from spacy_bert import add_encoder

torch.set_num_threads(2)
nlp = spacy.blank("xx")
add_encoder(nlp, sys.argv[1], engine=sys.argv[2])
# So long that torch's operations take both threads.
texts = ["the cat sat on the river bank . " * 1000] * 2
expected = [doc.tensor for doc in nlp.pipe(texts)]
child = os.fork()
signal.alarm(60)
for doc, tensor in zip(nlp.pipe(texts), expected):
    np.testing.assert_allclose(doc.tensor, tensor, atol=1e-6)
if child:
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.parametrize("engine", get_args(EngineName))
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.slow
def test_a_child_of_a_process_that_has_predicted(checkpoint, engine):
    environment = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    finished = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT, str(checkpoint), engine],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert finished.stdout == "0\n", finished.stderr
    # Such as the tokenizers' advice on forks.
    assert finished.stderr == ""
