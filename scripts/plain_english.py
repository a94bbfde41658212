"""Count what makes comments and docstrings hard to read; exit with 1 if it is too much.

    python scripts/plain_english.py [--list] FOLDER...

"where" is allowed 2.5 times in 1,000 words ("if" is the word for a condition), no
sentence begins with "Of", and some bookish words have a plainer one. `--list` prints
each with its file and line.
"""

import argparse
import ast
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

MOST_WHERE = 2.5  # in 1,000 words
WORD = re.compile(r"[A-Za-z']+")
WHERE = re.compile(r"\bwhere\b", re.IGNORECASE)
# What may not occur at all.
FORBIDDEN = {
    "sentences begin with 'Of'": re.compile(r"(?:^|[.:!?]\s+|\n\s*\n\s*)Of\b"),
    "words are bookish (beside, anew, mend, stands, comes to)": re.compile(
        r"\b(?:beside|anew|mend|mends|mended|stands|comes to)\b", re.IGNORECASE
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--list", action="store_true")
    args = parser.parse_args()
    texts = [
        (f"{path}:{line}", text)
        for folder in args.folders
        for path in sorted(folder.rglob("*.py"))
        for line, text in read_prose(path)
    ]
    n_words = sum(len(WORD.findall(text)) for _, text in texts)
    counts = {}
    for name, pattern in {"where": WHERE, **FORBIDDEN}.items():
        found = [(place, m) for place, text in texts for m in pattern.finditer(text)]
        counts[name] = len(found)
        for place, match in found if args.list else ():
            print(f"{place}: {_around(match)}")
    rate = 1000 * counts.pop("where") / max(n_words, 1)
    print(f"{n_words:,} words: {rate:.1f} of 1,000 are 'where' (at most {MOST_WHERE})")
    for name, count in counts.items():
        print(f"{count} {name} (none may)")
    if rate > MOST_WHERE or any(counts.values()):
        sys.exit(1)


def read_prose(path: Path) -> Iterator[tuple[int, str]]:
    """(line, text) of each docstring and of each run of lines of comments."""
    source = path.read_text(encoding="utf8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield node.body[0].lineno, text
    yield from _read_comments(source)


def _read_comments(source: str) -> Iterator[tuple[int, str]]:
    block: list[str] = []
    start = last = 0
    for token in tokenize.generate_tokens(iter(source.splitlines(True)).__next__):
        if token.type != tokenize.COMMENT:
            continue
        if block and token.start[0] != last + 1:
            yield start, " ".join(block)
            block = []
        if not block:
            start = token.start[0]
        last = token.start[0]
        block.append(token.string.lstrip("#: "))
    if block:
        yield start, " ".join(block)


def _around(match: re.Match[str]) -> str:
    text = match.string[max(0, match.start() - 30) : match.end() + 110]
    return " ".join(text.split())


if __name__ == "__main__":
    main()
