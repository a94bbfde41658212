"""Exact match and F1 of an answer, as SQuAD's official scripts define them.

Rajpurkar et al. 2016, section 6.1; for questions without an answer, Rajpurkar et al.
2018. An answer that is not there is the empty text.
"""

import re
import string
from collections import Counter
from collections.abc import Callable, Iterable

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")


def exact_match(answer: str, golds: Iterable[str]) -> float:
    """1.0 if the answer is one of the golds, after normalization."""
    return best_over(golds, _is_same, answer)


def f1(answer: str, golds: Iterable[str]) -> float:
    """How many words the answer shares with the gold that it is nearest to."""
    return best_over(golds, _word_f1, answer)


def normalize(text: str) -> str:
    """Lower case, no punctuation, no English articles, single spaces."""
    without_punctuation = text.lower().translate(_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", without_punctuation).split())


def best_over(
    golds: Iterable[str], compare: Callable[[str, str], float], answer: str
) -> float:
    """The highest score over the golds. Those that are empty once normalized, and no
    golds, say that there is no answer."""
    texts = [gold for gold in golds if normalize(gold)] or [""]
    return max(compare(answer, text) for text in texts)


def _is_same(answer: str, gold: str) -> float:
    return float(normalize(answer) == normalize(gold))


def _word_f1(answer: str, gold: str) -> float:
    ours, theirs = normalize(answer).split(), normalize(gold).split()
    if not ours or not theirs:
        return float(ours == theirs)
    n_shared = (Counter(ours) & Counter(theirs)).total()
    # 2PR / (P + R), with P = shared / ours and R = shared / theirs.
    return 2 * n_shared / (len(ours) + len(theirs))
