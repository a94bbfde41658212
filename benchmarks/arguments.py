"""The arguments that all commands with a results.json have."""

import argparse
from collections.abc import Iterable
from pathlib import Path

from .store import Store


def make_parser(
    description: str | None, results: Path, parts: Iterable[str]
) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument(
        "--only", type=names, default=list(parts), help='what to run; "" runs nothing'
    )
    parser.add_argument("--results", type=Path, default=results)
    parser.add_argument(
        "--again", action="store_true", help="measure what is there already, too"
    )
    return parser


def names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def open_store(args: argparse.Namespace) -> Store:
    args.work.mkdir(parents=True, exist_ok=True)
    return Store(args.results, again=args.again)
