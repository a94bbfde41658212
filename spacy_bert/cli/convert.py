"""`spacy bert convert`: questions or pairs of texts -> a .spacy file."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from spacy.cli._util import Arg, Opt
from wasabi import msg

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc


def convert_cli(
    input_file: Path = Arg(..., help="File to read", exists=True, dir_okay=False),
    output_file: Path = Arg(..., help="File to write, ending in .spacy"),
    format: str = Opt(
        ..., "--format", "-f", help="squad (JSON) or pairs (.jsonl, .csv or .tsv)"
    ),
    lang: str = Opt("en", "--lang", "-l", help="Two-letter code of the language"),
    skip_misplaced: bool = Opt(
        False,
        "--skip-misplaced",
        help="squad: leave out answers that are not in the context at their offset",
    ),
    first: str = Opt("sentence1", "--first", help="pairs: column of the first text"),
    second: str = Opt("sentence2", "--second", help="pairs: column of the second"),
    label: str = Opt("", "--label", help="pairs: column of the label"),
    score: str = Opt("", "--score", help="pairs: column of a score"),
    skip_label: list[str] = Opt(
        [], "--skip-label", help="pairs: leave out lines with this label, such as -"
    ),
    force: bool = Opt(False, "--force", "-F", help="Replace an earlier .spacy file"),
) -> None:
    """Convert questions, or pairs of texts, for 'spacy train'.

    'spacy evaluate' reads the same files. Questions come with their contexts.
    Answers become doc.spans["answers"], a label or a score doc.cats. Between two texts
    is U+001E, the pair_separator that 'spacy bert init-config' writes for pairs.
    """
    import spacy
    from spacy.tokens import DocBin

    from ..corpus.progress_bar import Bar
    from ..folders import replacing_file
    from ..outputs import DOCBIN, check_output
    from .errors import shown_as_messages

    with shown_as_messages():
        if output_file.suffix != ".spacy":
            raise ValueError(
                f"{output_file}: expected a name that ends in .spacy, which 'spacy "
                "train' reads."
            )
        output = check_output(output_file, DOCBIN, force=force, inputs=[input_file])
        try:
            nlp = spacy.blank(lang)
        except ImportError as error:
            raise ValueError(
                f"--lang: expected a language that spaCy knows: {error}"
            ) from error
        if format == "squad":
            n_docs, docs = _questions(nlp, input_file, skip_misplaced)
        elif format == "pairs":
            n_docs, docs = _pairs(
                nlp, input_file, first, second, label, score, skip_label
            )
        else:
            raise ValueError(f"--format: expected squad or pairs, got {format!r}.")
        converted = DocBin(attrs=[])
        with Bar("Converting", n_docs, unit=" Docs", write=print) as bar:
            for doc in docs:
                converted.add(doc)
                bar.update(1)
        with replacing_file(output) as new:
            new.write_bytes(converted.to_bytes())
        msg.good(f"Wrote {len(converted):,} Docs to {output_file}")


def _questions(
    nlp: "Language", path: Path, skip_misplaced: bool
) -> tuple[int, Iterator["Doc"]]:
    """How many Docs there will be, and the Docs."""
    from ..pipeline.segments import RECORD_SEPARATOR
    from ..tasks.qa.squad_files import make_question_doc, read_squad

    file = read_squad(path, misplaced="skip" if skip_misplaced else "error")
    if file.n_misplaced:
        msg.warn(
            f"Left out the spans of {file.n_misplaced:,} answers that are not in "
            f"their context, and {file.n_skipped:,} questions with no other answer."
        )
    docs = (
        make_question_doc(nlp, q, spans_key="answers", separator=RECORD_SEPARATOR)
        for q in file.questions
    )
    return len(file.questions), docs


def _pairs(
    nlp: "Language",
    path: Path,
    first: str,
    second: str,
    label: str,
    score: str,
    skip_labels: list[str],
) -> tuple[int, Iterator["Doc"]]:
    """As `_questions`."""
    from ..pipeline.segments import RECORD_SEPARATOR
    from ..tasks.text.pair_files import make_labelled_doc, read_pairs

    file = read_pairs(
        path,
        first=first,
        second=second,
        label=label or None,
        score=score or None,
        skip_labels=skip_labels,
    )
    if file.n_skipped:
        msg.warn(f"Left out {file.n_skipped:,} pairs for their label.")
    if not label and not score:
        msg.warn("Without --label or --score, nothing can be learned from these Docs.")
    docs = (
        make_labelled_doc(nlp, pair, separator=RECORD_SEPARATOR) for pair in file.pairs
    )
    return len(file.pairs), docs
