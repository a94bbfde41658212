"""What was found in the text -> what a user should know about it, and what to do."""

from collections.abc import Iterator
from dataclasses import dataclass

from ..repeats import Repeats
from .findings import LEAST_CHARS, LONG, Findings
from .fingerprint import IndexPlan

# The shares from which on a user should know. English Wikipedia has 0.1 % of repeated
# documents, 2 % of repeated lines and 0.1 % of [UNK] in the vocabulary of BERT-base.
MANY_DOCUMENTS, MANY_LINES = 0.02, 0.05
MANY_UNKNOWN = 0.01
MANY_SINGLE = 0.5
MANY_RARE = 0.5
MANY_LONG = 0.2
# Seen less often, a piece has no embedding to speak of.
RARE = 10
# From so many files on, with so few documents each, files may be documents.
MANY_FILES, FEW_DOCUMENTS, MANY_SEVERAL = 10, 50, 0.5

_N_EXAMPLES = 3


@dataclass(frozen=True, kw_only=True)
class IndexUse:
    """What an index is for. `from_checkpoint`: whether the vocabulary and the weights
    are a checkpoint's; `next_sentence`: as in the config."""

    from_checkpoint: bool = False
    next_sentence: str = "nsp"


def make_warnings(findings: Findings, plan: IndexPlan, use: IndexUse) -> Iterator[str]:
    """Yield warnings. Each says what was found and what to do."""
    yield from _copies(findings)
    yield from _sentences(findings, plan, use)
    yield from _vocabulary(findings, plan, use)
    if _has_files_of_several(findings):
        yield (
            f"{findings.n_several:,} of the {findings.n_files:,} files have blank "
            "lines inside, each of which ends a document. If each file is one "
            "document, set [corpus] reader = 'files'."
        )


def _copies(findings: Findings) -> Iterator[str]:
    for repeats, name, many in (
        (findings.documents, "documents", MANY_DOCUMENTS),
        (findings.lines, f"lines of {LEAST_CHARS} characters or more", MANY_LINES),
    ):
        if repeats.share >= many:
            yield (
                f"{repeats.share:.0%} of the {name} are copies of others, such as "
                f"{_list_examples(repeats)}. Leave the copies out: a model learns them "
                "by heart, and finds them again in held-out text."
            )


def _sentences(findings: Findings, plan: IndexPlan, use: IndexUse) -> Iterator[str]:
    if plan.one_a_line:
        advice = "If lines are paragraphs, set [corpus] sentences = 'sentencizer'."
    else:
        advice = "If the text has no full stops, put line ends between sentences, or "
        advice += "name a spaCy pipeline that finds them as [corpus] sentences."
    single = findings.n_single / max(findings.n_documents, 1)
    if single >= MANY_SINGLE and use.next_sentence != "none":
        yield (
            f"{single:.0%} of the documents have one sentence, so next-sentence "
            f"prediction has no true pairs of them. {advice} If each line is followed "
            "by a blank one, take these out. If documents are that short, set "
            "[pretraining] next_sentence = 'none'."
        )
    long = findings.n_in_long / max(findings.counts.sum(), 1)
    if long >= MANY_LONG:
        yield (
            f"{long:.0%} of the pieces are in sentences of more than {LONG}, of which "
            f"a sequence of that length shows only a part. {advice}"
        )


def _vocabulary(findings: Findings, plan: IndexPlan, use: IndexUse) -> Iterator[str]:
    unknown = findings.unknown_share(plan.wordpiece)
    if unknown >= MANY_UNKNOWN:
        advice = "Learn a vocabulary from this text with 'spacy bert vocab', or give "
        advice += "[vocabulary] a larger size."
        if use.from_checkpoint:
            advice = "Add pieces from this text with [vocabulary] extend_vocab, or "
            advice += "start from a checkpoint of its language."
        yield (
            f"{unknown:.1%} of the pieces are [UNK], of which nothing is learned. "
            f"{advice}"
        )
    rare = float((findings.counts < RARE).mean())
    # The pieces of a checkpoint are learned already.
    if rare >= MANY_RARE and not use.from_checkpoint:
        yield (
            f"{rare:.0%} of the vocabulary's {plan.wordpiece.n_pieces:,} pieces occur "
            f"less than {RARE} times, too seldom to be learned. Learn a smaller "
            "vocabulary from this text, add text, or start from a checkpoint."
        )


def _has_files_of_several(findings: Findings) -> bool:
    return (
        findings.n_files >= MANY_FILES
        and findings.n_several >= MANY_SEVERAL * findings.n_files
        and findings.n_in_files < FEW_DOCUMENTS * findings.n_files
    )


def _list_examples(repeats: Repeats) -> str:
    examples = repeats.examples(_N_EXAMPLES)
    return ", ".join(f"{text!r} ({n:,} times)" for text, n in examples)
