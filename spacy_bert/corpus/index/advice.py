"""Statistics of the text -> what a user should know about it, and what to do."""

from collections.abc import Iterator
from dataclasses import dataclass

from ..duplicates import DuplicateSketch
from .fingerprint import IndexPlan
from .statistics import LEAST_CHARS, LONG, CorpusStatistics

# The fractions from which on a user should know. English Wikipedia has 0.1 % of
# repeated documents, 2 % of repeated lines and 0.1 % of [UNK] in the vocabulary of
# BERT-base.
# Both are three times the error of a DuplicateSketch, or more.
MANY_DOCUMENTS, MANY_LINES = 0.05, 0.05
MANY_UNKNOWN = 0.01
MANY_SINGLE = 0.5
MANY_RARE = 0.5
MANY_LONG = 0.2
# Seen less often, a piece has no embedding to speak of.
RARE = 10
# Fewer documents, of a smaller part of the text, are too few to tell runs apart.
FEW_HELD_OUT, SMALL_PART = 10, 0.05
# From so many files on, with so few documents each, files may be documents.
MANY_FILES, FEW_DOCUMENTS, MANY_SEVERAL = 10, 50, 0.5

_N_EXAMPLES = 3


@dataclass(frozen=True, kw_only=True)
class IndexUse:
    """What an index is for. `from_checkpoint`: whether the vocabulary and the weights
    are a checkpoint's; `next_sentence`: as in the config."""

    from_checkpoint: bool = False
    next_sentence: str = "nsp"


def make_warnings(
    statistics: CorpusStatistics, plan: IndexPlan, use: IndexUse
) -> Iterator[str]:
    """Yield warnings. Each says what was found and what to do."""
    yield from _copies(statistics)
    yield from _sentences(statistics, plan, use)
    yield from _vocabulary(statistics, plan, use)
    if _has_files_of_several(statistics):
        yield (
            f"{statistics.n_several:,} of the {statistics.n_files:,} files have blank "
            "lines inside, each of which ends a document. If each file is one "
            "document, set [corpus] reader = 'files'."
        )


def warn_of_few_held_out(
    n_documents: int, n_pieces: int, plan: IndexPlan
) -> Iterator[str]:
    """Both numbers: of what is held out. A small corpus, of which the end of each
    document is held out, has no more to give."""
    is_part = plan.find_held_out().ratio > 0
    if n_documents < FEW_HELD_OUT and plan.held_out_ratio < SMALL_PART and not is_part:
        yield (
            f"Only {n_documents} documents with {n_pieces:,} pieces are held out, so "
            "the held-out losses depend on which they are. Give [corpus] "
            f"held_out_ratio more than {plan.held_out_ratio:g}, or add documents."
        )


def _copies(statistics: CorpusStatistics) -> Iterator[str]:
    for duplicates, name, many in (
        (statistics.documents, "documents", MANY_DOCUMENTS),
        (statistics.lines, f"lines of {LEAST_CHARS} characters or more", MANY_LINES),
    ):
        if duplicates.ratio >= many:
            yield (
                f"{duplicates.ratio:.0%} of the {name} are copies of others, such as "
                f"{_list_examples(duplicates)}. Leave the copies out: a model learns "
                "them by heart, and finds them again in held-out text."
            )


def _sentences(
    statistics: CorpusStatistics, plan: IndexPlan, use: IndexUse
) -> Iterator[str]:
    if plan.one_a_line:
        advice = "If lines are paragraphs, set [corpus] sentences = 'sentencizer'."
    else:
        advice = "If the text has no full stops, put line ends between sentences, or "
        advice += "name a spaCy pipeline that finds them as [corpus] sentences."
    single = statistics.n_single / max(statistics.n_documents, 1)
    if single >= MANY_SINGLE and use.next_sentence != "none":
        yield (
            f"{single:.0%} of the documents have one sentence, so next-sentence "
            f"prediction has no true pairs of them. {advice} If each line is followed "
            "by a blank one, take these out. If documents are that short, set "
            "[pretraining] next_sentence = 'none'."
        )
    long = statistics.n_in_long / max(statistics.counts.sum(), 1)
    if long >= MANY_LONG:
        yield (
            f"{long:.0%} of the pieces are in sentences of more than {LONG}, of which "
            f"a sequence of that length shows only a part. {advice}"
        )


def _vocabulary(
    statistics: CorpusStatistics, plan: IndexPlan, use: IndexUse
) -> Iterator[str]:
    unknown = statistics.unknown_ratio(plan.tokenizer)
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
    rare = float((statistics.counts < RARE).mean())
    # The pieces of a checkpoint are learned already.
    if rare >= MANY_RARE and not use.from_checkpoint:
        yield (
            f"{rare:.0%} of the vocabulary's {plan.tokenizer.n_pieces:,} pieces occur "
            f"less than {RARE} times, too seldom to be learned. Learn a smaller "
            "vocabulary from this text, add text, or start from a checkpoint."
        )


def _has_files_of_several(statistics: CorpusStatistics) -> bool:
    return (
        statistics.n_files >= MANY_FILES
        and statistics.n_several >= MANY_SEVERAL * statistics.n_files
        and statistics.n_in_files < FEW_DOCUMENTS * statistics.n_files
    )


def _list_examples(duplicates: DuplicateSketch) -> str:
    examples = duplicates.examples(_N_EXAMPLES)
    return ", ".join(f"{text!r} ({n:,} times)" for text, n in examples)
