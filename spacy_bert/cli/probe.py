"""`spacy bert probe`: which checkpoint is worth most for the user's own labels."""

from pathlib import Path

from spacy.cli._util import Arg, Opt
from wasabi import msg


def probe_cli(
    checkpoints: list[str] = Arg(
        ..., help="Folders, or names on the Hub, of BERT checkpoints"
    ),
    data: Path = Arg(..., help="Annotated Docs, a .spacy file"),
    test: Path | None = Opt(
        None, "--test", help="Docs to score [a fifth of the others]"
    ),
    task: str = Opt(
        "", "--task", "-t", help="As of init-config [what the Docs are annotated with]"
    ),
    lang: str = Opt("en", "--lang", "-l", help="Two-letter code of the language"),
    n_steps: int = Opt(100, "--steps", "-n", min=1, help="Steps of training"),
    n_seeds: int = Opt(3, "--seeds", min=1, help="Runs of each checkpoint"),
    frozen: bool = Opt(False, "--frozen", help="Train the head alone"),
    random: bool = Opt(
        True, "--random/--no-random", help="Also random weights of the same sizes"
    ),
    gpu_id: int = Opt(-1, "--gpu-id", "-g", help="GPU ID or -1 for CPU"),
) -> None:
    """Train the same head for some minutes on each checkpoint, and compare the scores.

    It tells before a long training whether pretraining paid, and which checkpoint to
    take. All have the same Docs, steps and seeds, and the settings of init-config.
    """
    from spacy.cli._util import setup_gpu

    from ..tasks.probing import ProbeSettings, probe
    from .errors import shown_as_messages

    with shown_as_messages():
        setup_gpu(gpu_id)
        settings = ProbeSettings(
            task=task,
            lang=lang,
            n_steps=n_steps,
            n_seeds=n_seeds,
            is_frozen=frozen,
            has_random=random,
        )
        found = probe(checkpoints, data, test, settings, write=msg.text, use_gpu=gpu_id)
    first = found.results[0]
    rows = [
        (
            one.checkpoint,
            f"{100 * one.score:.1f} ± {100 * one.spread:.1f}",
            ", ".join(f"{100 * score:.1f}" for score in one.scores),
            f"{100 * (one.score - first.score):+.1f}" if one is not first else "",
            f"{one.seconds:.0f} s",
        )
        for one in found.results
    ]
    header = ("Checkpoint", found.score, "Each seed", "To the first", "A run")
    print()
    msg.table(rows, header=header, divider=True, aligns=("l", "r", "l", "r", "r"))
    msg.text(
        f"{found.task}: {found.n_train:,} Docs to learn from and {found.n_test:,} to "
        f"score, {n_steps} steps. ± is half of the range over the seeds: a difference "
        "below it says nothing."
    )
