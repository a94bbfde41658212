"""Public texts of three lengths, and labelled tweets and paragraphs."""

import random
import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from ..fine_tuning.wnut17 import FILES, make_tagged_doc, read_conll

# How many of each: some 15,000 to 20,000 words.
COUNTS = {"sentences": 760, "paragraphs": 160, "articles": 40}


def read_texts(data: Path) -> dict[str, list[str]]:
    """Sentences, paragraphs and articles of Wikipedia, drawn with a fixed seed."""
    articles = list(_articles(data / "wiki_en" / "AA"))
    paragraphs = [p for a in articles for p in a.splitlines() if len(p) > 200]
    sentences = [
        sentence
        for paragraph in paragraphs
        for sentence in re.split(r"(?<=[.!?]) +", paragraph)
        if len(sentence) > 20
    ]
    texts = {}
    for name, some in zip(COUNTS, (sentences, paragraphs, articles), strict=True):
        texts[name] = random.Random(0).sample(some, COUNTS[name])
    return texts


def short_texts(data: Path) -> dict[int, list[str]]:
    """Words of a text -> 30 texts of so many words."""
    words = " ".join(read_texts(data)["paragraphs"]).split()
    return {
        n: [" ".join(words[i : i + n]) for i in range(0, 30 * n, n)] for n in (10, 100)
    }


def _articles(folder: Path) -> Iterator[str]:
    for path in sorted(folder.glob("wiki_0*"))[:4]:
        for article in path.read_text(encoding="utf8").split("</doc>"):
            lines = [x for x in article.splitlines() if x and not x.startswith("<doc")]
            text = unescape("\n".join(lines))
            if len(text) > 400:
                yield text


def read_tweets(data: Path) -> list[tuple[list[str], list[str]]]:
    """Words and BIO tags of the training tweets of WNUT-17."""
    return read_conll(data / "wnut17" / FILES["train"])


def make_examples(
    tweets: list[tuple[list[str], list[str]]], n_joined: int
) -> Callable[[Language], list[Example]]:
    """Examples with entities and a category, of tweets or, joined, of paragraphs."""
    joined = [
        (
            [word for words, _ in tweets[i : i + n_joined] for word in words],
            [tag for _, tags in tweets[i : i + n_joined] for tag in tags],
        )
        for i in range(0, len(tweets), n_joined)
    ]

    def examples(nlp: Language) -> list[Example]:
        return [_example(nlp, words, tags) for words, tags in joined]

    return examples


def _example(nlp: Language, words: list[str], tags: list[str]) -> Example:
    doc = make_tagged_doc(nlp.vocab, words, tags)
    doc.cats = {"SHORT": float(len(words) < 18), "LONG": float(len(words) >= 18)}
    return Example(Doc(nlp.vocab, words=words), doc)
