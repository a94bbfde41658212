"""What the encoder leaves at a Doc next to doc.tensor.

`doc._.bert_cls` and `doc._.bert_pooled`: the vector of [CLS] without and with the
pooler, (hidden_width,). `doc._.bert_source`: the name of the encoder that wrote them,
and doc.tensor.

Unless they are to be saved, they are kept next to doc.user_data and not in it: a
DocBin, `doc.to_bytes` and a worker of `nlp.pipe(n_process=2)` would carry them, and
`Doc.from_docs` would warn of them.
"""

import copy
from functools import partial
from typing import Any

from spacy.tokens import Doc

NAMES = ("bert_cls", "bert_pooled", "bert_source")


class UserData(dict[Any, Any]):
    """A Doc's user_data, and next to it values that are not saved with the Doc.

    `Doc.copy` keeps them, as `nlp.update` works on copies. A pickle, which is written
    to be read elsewhere, holds a plain dict.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.unsaved: dict[str, Any] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> "UserData":
        copied = UserData(copy.deepcopy(dict(self), memo))
        copied.unsaved = copy.deepcopy(self.unsaved, memo)
        return copied

    def __reduce__(self) -> tuple[type, tuple[dict[Any, Any]]]:
        return dict, (dict(self),)


def set_doc_vectors(doc: Doc, *, save: bool, **values: Any) -> None:
    """Set the extensions of NAMES that are given, in doc.user_data if save is true."""
    for name, value in values.items():
        _set(name, doc, value)
        if save:
            data: Any = doc.user_data
            data[_key(name)] = data.unsaved.pop(name)


def get_doc_vector(name: str, doc: Doc) -> Any:
    """The value of an extension of NAMES, None if there is none."""
    data: Any = doc.user_data
    return getattr(data, "unsaved", {}).get(name, data.get(_key(name)))


def _set(name: str, doc: Doc, value: Any) -> None:
    data: Any = doc.user_data
    if not isinstance(data, UserData):
        data = doc.user_data = UserData(data)
    # A value that was read with the Doc is out of date.
    data.pop(_key(name), None)
    data.unsaved[name] = value


def _key(name: str) -> tuple[str, str, None, None]:
    """Where spaCy keeps an extension's value in doc.user_data."""
    return ("._.", name, None, None)


for _name in NAMES:
    Doc.set_extension(
        _name,
        getter=partial(get_doc_vector, _name),
        setter=partial(_set, _name),
        force=True,
    )
