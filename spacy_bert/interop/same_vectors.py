"""Whether an encoder gives the vectors of the transformer that it was made from."""

from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spacy.language import Language
from spacy.tokens import Doc

from ..pipeline.bert_encoder import BertTok2Vec

# Case, accents, scripts, numbers, a long word.
_TEXTS = (
    "The quick brown fox, unaffable and 1,234.5 km away, said: \u201cna\u00efve!\u201d",
    "\u5317\u4eac is Beijing; \u041c\u043e\u0441\u043a\u0432\u0430, \u0130stanbul.",
    "pneumonoultramicroscopicsilicovolcanoconiosis@example.com",
)

_TOLERANCE = 1e-3


def check_same_vectors(
    nlp: Language, transformer: Any, encoder: BertTok2Vec, *, source: str
) -> None:
    """Compare the tokens' vectors of some texts, the tokenizer's own tokens among them.

    transformer: a component of spacy-transformers, in `nlp`.

    Raises ValueError if they differ.
    """
    docs = [nlp.make_doc(text) for text in _texts(nlp, transformer)]
    theirs = transformer.predict(docs).doc_data
    ours = encoder.predict([doc.copy() for doc in docs]).tokens
    for doc, old, new in zip(docs, theirs, ours, strict=True):
        difference = float(
            np.abs(_pooled(doc, old) - encoder.model.ops.to_numpy(new)).max()
        )
        if difference > _TOLERANCE:
            raise ValueError(
                f"{source}: expected the vectors of the transformer from "
                f"{encoder.name!r}, got some that differ by {difference:.2g} in "
                f"{doc.text!r}. Its tokenizer or its model has something that is not "
                "read here. Migrate its config with --checkpoint, and train it again."
            )


def _texts(nlp: Language, transformer: Any) -> list[str]:
    texts = [*_TEXTS]
    try:
        texts += import_module(f"spacy.lang.{nlp.lang}.examples").sentences[:4]
    except ImportError:
        pass
    tokenizer = transformer.model.tokenizer
    # The usual five are text here, if they are written in a text.
    usual = {*tokenizer.special_tokens_map.values()} - {
        *tokenizer.additional_special_tokens
    }
    added = [token for token in tokenizer.get_added_vocab() if token not in usual][:50]
    return texts + [" ".join(["a", *added, "b"])] * bool(added)


def _pooled(doc: Doc, data: Any) -> NDArray[np.float32]:
    """The mean of each token's pieces, as the listeners take it."""
    width = data.width
    hidden = np.asarray(data.model_output.last_hidden_state).reshape(-1, width)
    vectors = np.zeros((len(doc), width), dtype=np.float32)
    ends = np.cumsum(data.align.lengths)
    for i, (end, n) in enumerate(zip(ends, data.align.lengths, strict=True)):
        if n:
            rows = np.asarray(data.align.dataXd)[end - n : end].ravel()
            vectors[i] = hidden[rows].mean(axis=0)
    return vectors
