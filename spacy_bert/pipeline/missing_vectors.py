"""What to tell the user if a Doc does not have the vectors that a head asks for."""

from spacy.tokens import Doc

_HELP_IN_TRAINING = (
    "In training it must be in [training.annotating_components] if it is frozen, or if "
    "the head is there too. nlp.rehearse and 'spacy debug model' do not run it for a "
    "head: give the head an encoder of its own, by nlp.replace_listeners or, in a "
    "config, by 'spacy-bert.BertEncoder.v1' ('spacy-bert.ClsVectors.v1' for [CLS]) in "
    "place of the listener."
)


def why_missing(doc: Doc, *, kind: str, width: int, wanted: str, is_train: bool) -> str:
    """kind, width: of the vectors that the listener takes.
    wanted: the encoder that it listens to."""
    n_vectors, found_width = doc.tensor.shape if doc.tensor.ndim == 2 else (0, 0)
    if doc.tensor.size and kind != "tokens":
        return (
            "The Doc has vectors of tokens and none of [CLS], so it is a part of "
            "another Doc, or was saved. Send it through the encoder again, or save "
            f"these vectors: save_cls = true in [components.{wanted}]."
        )
    if doc.tensor.size and found_width != width:
        return (
            f"The head listens to {wanted!r} and expects vectors of width {width}, but "
            f"those of the Doc have {found_width}. Put its own encoder right before it."
        )
    if doc.tensor.size:
        return (
            f"The Doc has {n_vectors} vectors for {len(doc)} tokens, so tokens were "
            f"split after {wanted!r}. Put the component that splits them before "
            f"{wanted!r}."
        )
    message = (
        f"The head listens to {wanted!r}, of which this Doc has no vectors. There must "
        "be an encoder of that name in the pipeline before the head, neither disabled "
        "nor excluded."
    )
    return f"{message} {_HELP_IN_TRAINING}" if is_train else message
