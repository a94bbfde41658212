"""Heads over the vector of [CLS]: classes of a text or of a pair of texts."""

from spacy import registry
from spacy.tokens import Doc
from thinc.api import Dropout, Linear, Logistic, Model, Softmax, chain
from thinc.types import Floats2d


@registry.architectures("spacy-bert.TextCatCls.v1")
def build_cls_classifier(
    tok2vec: Model[list[Doc], Floats2d],
    exclusive_classes: bool,
    nO: int | None = None,
) -> Model[list[Doc], Floats2d]:
    """Dropout and a linear layer over [CLS] (Devlin et al. 2018, section 4.1), for
    `textcat` and `textcat_multilabel`.

    tok2vec: a `spacy-bert.ClsListener.v1`.
    exclusive_classes: softmax over the classes, or a sigmoid for each.

    The rate of dropout is [training.dropout]. Output: (n_docs, n_classes).
    """
    output: Model[Floats2d, Floats2d]
    if exclusive_classes:
        output = layer = Softmax(nO=nO)
    else:
        layer = Linear(nO=nO)
        output = chain(layer, Logistic())
    model: Model[list[Doc], Floats2d] = chain(tok2vec, chain(Dropout(), output))
    model.set_ref("tok2vec", tok2vec)
    model.set_ref("output_layer", layer)
    model.attrs["multi_label"] = not exclusive_classes
    return model
