"""`spacy bert migrate`: a config or a pipeline of others -> one with our encoder."""

import shlex
from pathlib import Path

from spacy.cli._util import Arg, Opt
from wasabi import msg

_TRAIN = (
    "python -m spacy train {} --output training --paths.train train.spacy "
    "--paths.dev dev.spacy"
)


def migrate_cli(
    old: str = Arg(
        ...,
        help="A config for tok2vec or transformer, or the folder or package of a "
        "trained pipeline with a transformer",
    ),
    new: Path = Arg(
        ..., help="Config to write, or - for standard output; or folder to write"
    ),
    checkpoint: str = Opt(
        "",
        "--checkpoint",
        help="For a config: folder, or name on the Hub, of the BERT to start from",
    ),
    code_path: Path | None = Opt(
        None, "--code", "-c", help="Python file with functions that OLD uses"
    ),
    force: bool = Opt(
        False, "--force", "-F", help="Replace what this command wrote before"
    ),
) -> None:
    """Put a bert_encoder in the place of a config's or a pipeline's encoder.

    A config gets the numbers of the checkpoint, and the diff is printed; then train
    with it. A trained pipeline keeps its weights, and predicts what it predicted.
    """
    from spacy.util import import_file

    from .errors import shown_as_messages

    with shown_as_messages():
        if code_path is not None:
            import_file("python_code", code_path)
        if Path(old).is_file():
            _migrate_config(Path(old), new, checkpoint, force=force)
        elif checkpoint:
            raise ValueError(
                f"{old}: expected a config.cfg with --checkpoint, got a pipeline, "
                "which has a BERT already. Leave --checkpoint out."
            )
        else:
            _migrate_pipeline(old, new, force=force)


def _migrate_config(old: Path, new: Path, checkpoint: str, *, force: bool) -> None:
    from ..folders import replacing_file
    from ..outputs import MIGRATED, MIGRATED_HEADER, check_output
    from ..tasks.migrated_config import migrate_config

    if not checkpoint:
        raise ValueError(
            f"{old}: expected --checkpoint with a config, the folder of a BERT to "
            "start from, or its name on the Hub."
        )
    config, notes = migrate_config(old, checkpoint)
    text = MIGRATED_HEADER + config.to_str().strip() + "\n"
    if str(new) == "-":
        print(text, end="")
        return
    output = check_output(new, MIGRATED, force=force, inputs=[old, Path(checkpoint)])
    with replacing_file(output) as file:
        file.write_text(text, encoding="utf8")
    _print_diff(old, new, text)
    for note in notes:
        msg.info(note)
    msg.good(f"Wrote {new}")
    print(_TRAIN.format(shlex.quote(str(new))))


def _print_diff(old: Path, new: Path, text: str) -> None:
    from difflib import unified_diff

    lines = unified_diff(
        old.read_text(encoding="utf8").splitlines(),
        text.splitlines(),
        str(old),
        str(new),
        lineterm="",
    )
    print("\n".join(lines))


def _migrate_pipeline(old: str, new: Path, *, force: bool) -> None:
    from ..interop.migrated_pipeline import find_pipeline, migrate_pipeline
    from ..outputs import PIPELINE, check_output

    folder = find_pipeline(old)
    output = check_output(new, PIPELINE, force=force, inputs=[folder])
    heads = migrate_pipeline(folder, output)
    msg.info("Texts longer than a window are cut elsewhere, and may get other labels.")
    msg.good(f"Wrote {new}. Heads on its bert_encoder: {', '.join(heads)}")
