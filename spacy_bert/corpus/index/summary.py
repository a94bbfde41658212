"""What an index was made of -> a line for the user."""

from collections import Counter

from .files import SPLITS
from .fingerprint import IndexPlan
from .statistics import CorpusStatistics


def describe_index(
    plan: IndexPlan, sizes: dict[str, Counter[str]], statistics: CorpusStatistics
) -> str:
    """sizes: of the two splits. Punctuation marks count as words."""
    train, held_out = (sizes[name] for name in SPLITS)
    cuts = plan.find_held_out().ratio > 0
    n_documents = train["n_documents"] + (0 if cuts else held_out["n_documents"])
    n_files = len({source.path for source in plan.sources})
    numbers = [
        (n_files, "file"),
        (n_documents, "document"),
        (train["n_sentences"] + held_out["n_sentences"], "sentence"),
        (statistics.n_words(plan.tokenizer), "word"),
        (train["n_pieces"] + held_out["n_pieces"], "piece"),
    ]
    what = count_of(held_out["n_documents"], "document")
    if cuts:
        n_sentences = count_of(held_out["n_sentences"], "sentence")
        what = f"{n_sentences}, the last of each document, as these are few"
    return f"Indexed {', '.join(count_of(*n) for n in numbers)}. Held out: {what}"


def count_of(n: int, name: str) -> str:
    return f"{n:,} {name}" if n == 1 else f"{n:,} {name}s"
