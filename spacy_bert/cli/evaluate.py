"""`spacy bert evaluate`: how well a checkpoint predicts a text."""

from pathlib import Path

from spacy.cli._util import Arg, Opt
from wasabi import msg


def evaluate_cli(
    checkpoint: Path = Arg(..., help="Folder of a BERT checkpoint with its heads"),
    corpus: str = Arg(..., help="Text file, folder or glob"),
    reader: str = Opt("auto", "--reader", "-r", help="Reader, as in [corpus] reader"),
    sentences: str = Opt(
        "lines",
        "--sentences",
        "-s",
        help="lines (one a line), sentencizer, or a spaCy pipeline",
    ),
    lang: str = Opt("en", "--lang", "-l", help="Language of the sentencizer"),
    max_length: int = Opt(128, "--max-length", "-m", help="Pieces in a sequence"),
    next_sentence: str = Opt(
        "nsp",
        "--next-sentence",
        "-x",
        help="nsp, sop or none: what the checkpoint was trained with",
    ),
    n_instances: int = Opt(
        1024, "--n-instances", "-n", min=1, help="Sequences to score"
    ),
    gpu_id: int = Opt(-1, "--gpu-id", "-g", help="GPU ID or -1 for CPU"),
) -> None:
    """Score masked pieces and next sentences of a checkpoint on any text.

    The unigram loss is that of guessing each piece by its frequency in this text: a
    model that learned from context has a lower loss.
    """
    from ..pretraining.scoring import score_checkpoint
    from ..pretraining.sections import read_section
    from ..pretraining.text.corpus import CorpusConfig
    from .devices import choose_device
    from .errors import shown_as_messages
    from .sentences import make_splitter

    with shown_as_messages():
        settings = {
            "path": corpus,
            "reader": reader,
            "sentences": sentences,
            "lang": lang,
        }
        config = read_section(CorpusConfig, settings, section="corpus")
        result = score_checkpoint(
            checkpoint,
            config,
            splitter=make_splitter(config.sentences, config.lang),
            max_length=max_length,
            next_sentence=next_sentence,
            n_instances=n_instances,
            device=choose_device(gpu_id),
        )
    rows = [
        ("MLM loss", f"{result.mlm_loss:.3f}"),
        ("Unigram loss", f"{result.unigram_loss:.3f}"),
        ("MLM perplexity", f"{result.perplexity:.1f}"),
        ("MLM accuracy", f"{100 * result.mlm_accuracy:.1f} %"),
        ("Sequences", f"{result.n_instances:,}"),
        ("Masked pieces", f"{result.n_masked:,}"),
    ]
    if result.nsp is not None:
        rows += [
            ("NSP accuracy", f"{100 * result.nsp.accuracy:.1f} %"),
            ("Random pairs", f"{100 * result.nsp.random_share:.1f} %"),
        ]
    msg.table(rows, aligns=("l", "r"))
