"""A checkpoint -> a commented config that continues its pretraining."""

import json
from pathlib import Path

from ..checkpoint.loading import has_nsp_head, read_config
from ..checkpoint.record import read_record
from ..checkpoint.resolving import resolve_checkpoint
from ..sections import expect

# BERT-base's rate for continued pretraining; narrower encoders bear higher ones.
_RATE, _RATE_WIDTH = 5e-5, 768

_CONFIG = """\
# Continued pretraining, from a checkpoint and on text of your own. There is no [model],
# and [vocabulary] has no path: the checkpoint has both. Run it with
#   spacy bert pretrain THIS_FILE out --paths.corpus "texts/*.txt"
# A setting that is left out is explained, with its default, in
# spacy_bert/pretraining/training_config.py; configs/pretrain.cfg has more of them.

[paths]
# A file, a folder or a glob.
corpus = null
checkpoint = {checkpoint}

[corpus]
path = ${{paths.corpus}}
# "sentencizer": spaCy's rule-based one for `lang`. "lines": one sentence a line. Or the
# name or path of a spaCy pipeline.
sentences = {sentences}
lang = {lang}
# The fraction of documents that are never trained on, chosen by their text.
held_out_ratio = 0.02

[vocabulary]
# How many pieces of your text are added to the checkpoint's.
extend_vocab = 0

[pretraining]
checkpoint = ${{paths.checkpoint}}
seed = 0
# The first of max_steps, max_epochs and max_minutes that is given and reached. The
# learning rate follows it. Minutes are those of the steps, with evaluations and saves;
# the index comes first and is not counted.
max_steps = 1000
# Sequences in a forward pass; a step has accumulate_gradient of them.
batch_size = 32
accumulate_gradient = 1
# Pieces in a sequence, [CLS] and [SEP] included.
max_length = {max_length}
# "nsp": does B follow A. "sop": are A and B in order. "none": single segments, for a
# checkpoint without a head for pairs.
next_sentence = {next_sentence}
# "pieces", "words" (spaCy's tokens) or "spans" of words.
masking = "pieces"
# Lower than for a new BERT, which has nothing to forget; the rate rises over
# warmup_ratio of the run, as a new optimizer knows nothing of the gradients yet.
learn_rate = {learn_rate}
schedule = "linear"
warmup_ratio = 0.1
weight_decay = 0.01
max_grad_norm = 1.0
# In steps: rows of the log, evaluations on held-out text, checkpoints.
log_every = 50
eval_every = 200
n_eval_instances = 512
save_every = 200
"""


def continue_config(checkpoint: str | Path, *, lang: str | None = None) -> str:
    """A config that `spacy bert pretrain` takes as it is, given paths.corpus.

    checkpoint: as `resolve_checkpoint` takes it; the config names it in the same way.
    lang: by default what the checkpoint was pretrained with, or "en".

    Raises FileNotFoundError or ValueError if it is not a BERT checkpoint.
    """
    path = resolve_checkpoint(checkpoint)
    bert, before = read_config(path), read_record(path)
    expect(
        bert.max_positions >= 5,
        setting=f"{checkpoint}: max_position_embeddings",
        expected="at least 5",
        got=bert.max_positions,
    )
    # A head that is new would pull at weights that are not.
    reads_pairs = bert.n_segments > 1 and has_nsp_head(path)
    next_sentence = before.next_sentence if reads_pairs else "none"
    return _CONFIG.format(
        checkpoint=_quoted(str(checkpoint)),
        sentences=_quoted(before.sentences),
        lang=_quoted(lang or before.lang),
        max_length=min(before.max_length, bert.max_positions),
        next_sentence=_quoted(next_sentence),
        learn_rate=f"{_RATE * _RATE_WIDTH / bert.hidden_width:.1g}",
    )


def _quoted(text: str) -> str:
    """As a config has it: JSON."""
    return json.dumps(text, ensure_ascii=False)
