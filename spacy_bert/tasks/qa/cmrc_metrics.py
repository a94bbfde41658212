"""Exact match and F1 of a Chinese answer, as the script of CMRC 2018 defines them.

Cui et al. 2019. F1 counts the longest run of units that both texts hold,
where a unit is a Chinese character or a word of another script.
"""

import re
from collections.abc import Iterable
from difflib import SequenceMatcher

# The marks that the script takes out; others, such as the full stop, stay.
_MARKS = str.maketrans("", "", "-:_*^/\\~`+=，。：？！“”；’《》·、「」（）－～『』")
_UNIT = re.compile(r"[\u4e00-\u9fa5]|[^\s\u4e00-\u9fa5]+")


def exact_match(answer: str, golds: Iterable[str]) -> float:
    """1.0 if the answer is one of the golds, but for punctuation."""
    texts = list(golds) or [""]
    return max(float(_clean(answer) == _clean(text)) for text in texts)


def f1(answer: str, golds: Iterable[str]) -> float:
    """How much of the answer is one run of the gold that it is nearest to."""
    return max(_run_f1(answer, text) for text in (list(golds) or [""]))


def _clean(text: str) -> str:
    return text.lower().strip().translate(_MARKS)


def _run_f1(answer: str, gold: str) -> float:
    # Words end at white space here; the script has NLTK's tokenizer for them, which
    # also cuts off the punctuation that is not taken out.
    ours, theirs = _UNIT.findall(_clean(answer)), _UNIT.findall(_clean(gold))
    if not ours or not theirs:
        return float(ours == theirs)
    run = SequenceMatcher(None, ours, theirs, autojunk=False).find_longest_match()
    return 2 * run.size / (len(ours) + len(theirs))
