"""Cosine similarity of contextual vectors for Doc, Span and Token.

spaCy's own answer is 1.0 wherever two tokens are spelled alike, which is right for word
vectors and wrong for these.
"""

from spacy.tokens import Doc, Span, Token
from thinc.api import get_array_module


def set_similarity_hooks(doc: Doc) -> None:
    """Make `doc`, its spans and its tokens compare by their vectors.

    The encoder does so. Hooks are lost if a Doc is saved, or comes from a worker of
    `nlp.pipe(n_process=2)`, and can be set again.
    """
    for hooks in (doc.user_hooks, doc.user_span_hooks, doc.user_token_hooks):
        hooks["similarity"] = cosine_similarity


def cosine_similarity(one: Doc | Span | Token, other: Doc | Span | Token) -> float:
    """The cosine of their vectors; 0.0 if one of them is zero, as for white space."""
    xp = get_array_module(one.vector)
    norms = one.vector_norm * other.vector_norm
    return float(xp.dot(one.vector, other.vector) / norms) if norms else 0.0
