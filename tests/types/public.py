"""What a type checker says of the public functions: `mypy tests/types/public.py`.

It is not run. If a call that is marked as wrong passes, its mark is unused, and mypy
fails.
"""

from pathlib import Path
from typing import assert_type

import spacy
from spacy.tokens import Doc

import spacy_bert
from spacy_bert.pretraining import TrainingState

nlp = spacy.blank("xx")
config = spacy_bert.PretrainingConfig.from_dict({})
assert_type(spacy_bert.make_pair_doc(nlp, "a", "b"), Doc)
assert_type(spacy_bert.pretrain(config, Path("out"), resume=True), TrainingState)

spacy_bert.set_similarity_hooks(nlp("a"))
spacy_bert.add_encoder(nlp, Path("bert"), freeze="all", layers=[-1, -2])

spacy_bert.set_similarity_hooks("a")  # type: ignore[arg-type]
spacy_bert.add_encoder(nlp, Path("bert"), freese="all")  # type: ignore[call-arg]
spacy_bert.add_encoder(1, Path("bert"))  # type: ignore[arg-type]
spacy_bert.pretrain(config, Path("out"), resume="yes")  # type: ignore[arg-type]
spacy_bert.no_such_thing()  # type: ignore[attr-defined]
spacy_bert.pretraining.no_such_thing()  # type: ignore[attr-defined]
