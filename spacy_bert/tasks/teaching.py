"""Text that is annotated with new labels alone -> examples of old and new ones: what is
not annotated comes from a pipeline that knows the old labels ("Learning without
Forgetting", Li and Hoiem 2016)."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import spacy
from spacy import registry
from spacy.language import Language
from spacy.pipeline import TextCategorizer
from spacy.tokens import Doc
from spacy.training import Corpus, Example

from ..pipeline.config_errors import takes_config
from .arrays import Floats, to_floats
from .ner.bio import BioTags
from .ner.component import BertNer
from .ner.decoding import find_spaces, find_words
from .taught import Taught, set_taught

_N_AT_ONCE = 256
# What the teacher must leave for O and the old labels together.
_LEAST = 1e-6


@registry.readers("spacy-bert.TaughtCorpus.v1")
@takes_config
def make_taught_corpus(
    path: Path,
    teacher: str,
    labels: Mapping[str, Sequence[str]],
    max_length: int = 0,
    limit: int = 0,
) -> "TaughtCorpus":
    """For text on which a pipeline with old labels learns new ones.

    path, max_length, limit: as of spacy.Corpus.v1.
    teacher: the folder or the package of the pipeline before it was extended.
    labels: by component, those that the text is annotated with, in full. For a
        `bert_ner`, tokens of such entities have that tag, and all others the
        probabilities of the teacher. For a text classifier, a class that is annotated
        is taken as it is, and the others are the teacher's probabilities.

    Raises ValueError for a component that the teacher lacks, or that cannot teach.
    """
    corpus = Corpus(path, max_length=max_length, limit=limit)
    return TaughtCorpus(corpus, teacher, labels)


class TaughtCorpus:
    """Called with a pipeline, it gives examples, which the teacher reads each time."""

    def __init__(
        self,
        corpus: Callable[[Language], Iterable[Example]],
        teacher: str,
        labels: Mapping[str, Sequence[str]],
    ) -> None:
        self._corpus, self._teacher, self._labels = corpus, teacher, labels

    def __call__(self, nlp: Language) -> Iterator[Example]:
        teacher = spacy.load(self._teacher)
        heads = {name: _find_head(teacher, name) for name in self._labels}
        for examples in spacy.util.minibatch(self._corpus(nlp), _N_AT_ONCE):
            docs = [_copy(example.predicted, teacher) for example in examples]
            docs = list(teacher.pipe(docs))
            for name, head in heads.items():
                teach = _teach_entities if isinstance(head, BertNer) else _teach_classes
                teach(name, head, docs, examples, frozenset(self._labels[name]))
            yield from examples


def _find_head(teacher: Language, name: str) -> BertNer | TextCategorizer:
    head: Any = dict(teacher.pipeline).get(name)
    if not isinstance(head, BertNer | TextCategorizer):
        able = [
            other
            for other, component in teacher.pipeline
            if isinstance(component, BertNer | TextCategorizer)
        ]
        raise ValueError(
            "[corpora] labels: expected a bert_ner or a text classifier of the "
            f"teacher, one of {', '.join(able) or 'none'}, got {name}."
        )
    return head


def _copy(doc: Doc, teacher: Language) -> Doc:
    return Doc(
        teacher.vocab,
        words=[token.text for token in doc],
        spaces=[bool(token.whitespace_) for token in doc],
    )


def _teach_entities(
    name: str,
    ner: BertNer,
    docs: Sequence[Doc],
    examples: Sequence[Example],
    new: frozenset[str],
) -> None:
    labels = tuple(dict.fromkeys((*ner.labels, *sorted(new))))
    tags = BioTags(labels)
    is_old = np.array([label not in new for label in ner.labels])
    for probs, doc, example in zip(ner.marginals(docs), docs, examples, strict=True):
        words = find_words(doc)
        known = np.zeros((len(words), tags.n_tags))
        known[:, : probs.shape[1]] = probs[words] * [True, *np.repeat(is_old, 2)]
        _normalize(known)
        biluo = example.get_aligned_ner()
        marked = [tag if tag and tag[2:] in new else None for tag in biluo]
        possible = tags.possible_tags(marked, find_spaces(doc))
        is_marked = possible.sum(1) == 1
        known[is_marked] = possible[is_marked]
        of_tokens = np.zeros((len(doc), tags.n_tags))
        of_tokens[words] = known
        set_taught(example.reference, name, Taught(labels=labels, probs=of_tokens))


def _normalize(probs: Floats) -> None:
    """Rows of sum 1, in place. A row without a probability is O."""
    sums = probs.sum(1, keepdims=True)
    probs /= np.maximum(sums, _LEAST)
    probs[sums[:, 0] < _LEAST] = np.eye(probs.shape[1])[0]


def _teach_classes(
    name: str,
    textcat: TextCategorizer,
    docs: Sequence[Doc],
    examples: Sequence[Example],
    new: frozenset[str],
) -> None:
    """In exclusive classes, those of the teacher share what the new ones leave."""
    is_exclusive = not textcat.support_missing_values
    # What is in doc.cats may be of another classifier.
    probs = to_floats(textcat.predict(docs)).tolist()
    for row, example in zip(probs, examples, strict=True):
        gold = {
            label: value
            for label, value in example.reference.cats.items()
            if label in new
        }
        left = 1 - min(1.0, sum(gold.values())) if is_exclusive else 1.0
        old = {
            label: left * prob
            for label, prob in zip(textcat.labels, row, strict=True)
            if label not in new
        }
        example.reference.cats = {**old, **gold}
