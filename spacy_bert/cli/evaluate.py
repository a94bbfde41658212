"""`spacy bert evaluate`: how well a checkpoint predicts a text, or judges sentences."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from spacy.cli._util import Arg, Opt
from wasabi import msg

if TYPE_CHECKING:
    from ..checkpoint.record import PretrainingRecord


def evaluate_cli(
    checkpoint: str = Arg(..., help="Folder, or name on the Hub, of a BERT checkpoint"),
    corpus: str = Arg("", help="Text file, folder or glob"),
    reader: str = Opt("auto", "--reader", "-r", help="Reader, as in [corpus] reader"),
    sentences: str = Opt(
        "",
        "--sentences",
        "-s",
        help="lines (one a line), sentencizer, or a spaCy pipeline",
    ),
    lang: str = Opt("", "--lang", "-l", help="Language of the sentencizer"),
    max_length: int = Opt(
        0, "--max-length", "-m", help="Pieces in a sequence", show_default=False
    ),
    next_sentence: str = Opt(
        "",
        "--next-sentence",
        "-x",
        help="nsp, sop or none: the task that the checkpoint was trained with",
    ),
    n_instances: int = Opt(
        1024, "--n-instances", "-n", min=1, help="Sequences to score"
    ),
    minimal_pairs: Path | None = Opt(
        None, "--minimal-pairs", "-p", help="JSONL file of pairs, or a folder of them"
    ),
    n_pairs: int = Opt(
        0, "--n-pairs", min=0, help="Pairs of each paradigm, or 0 for all"
    ),
    gpu_id: int = Opt(-1, "--gpu-id", "-g", help="GPU ID or -1 for CPU"),
) -> None:
    """Score a checkpoint's masked pieces and next sentences on a text, or which of two
    sentences it finds likelier.

    The unigram loss is that of guessing each piece by its frequency in this text: a
    model that learned from context has a lower loss. Options that are not given are
    those of the checkpoint's pretraining, and else sentencizer, en, 128 and nsp. A head
    for next sentences that was never trained gets no scores.

    For minimal pairs, such as BLiMP's, it prints in which share the good sentence is
    likelier, by phenomenon; ties count half.
    """
    from ..checkpoint.loading import read_config
    from ..checkpoint.resolving import resolve_checkpoint
    from .devices import choose_device
    from .errors import shown_as_messages

    with shown_as_messages():
        if not corpus and minimal_pairs is None:
            raise ValueError("Expected a corpus or --minimal-pairs, got neither.")
        device = choose_device(gpu_id)
        path = resolve_checkpoint(checkpoint)
        read_config(path)  # Raises the better error.
        if corpus:
            options = {"path": corpus, "reader": reader}
            options |= {"sentences": sentences, "lang": lang}
            _evaluate(
                path,
                options,
                max_length=max_length or None,
                next_sentence=next_sentence or None,
                n_instances=n_instances,
                device=device,
            )
        if minimal_pairs is not None:
            _judge(path, minimal_pairs, n_pairs, device)


def _evaluate(path: Path, options: dict[str, str], **settings: Any) -> None:
    from ..checkpoint.record import read_record
    from ..corpus.documents import CorpusConfig
    from ..interop.sentences import make_splitter
    from ..pretraining.checkpoint_scores import score_checkpoint
    from ..sections import read_section

    record = read_record(path)
    options["sentences"] = options["sentences"] or _sentences(record)
    options["lang"] = options["lang"] or record.lang
    config = read_section(CorpusConfig, options, section="corpus")
    splitter = make_splitter(config.sentences, config.lang)
    result = score_checkpoint(path, config, splitter=splitter, write=print, **settings)
    rows = [
        ("MLM loss", f"{result.mlm_loss:.3f}"),
        ("Unigram loss", f"{result.unigram_loss:.3f}"),
        ("MLM perplexity", f"{result.perplexity:.1f}"),
        ("MLM accuracy", f"{100 * result.mlm_accuracy:.1f} %"),
        ("Sequences", f"{result.n_instances:,}"),
        ("Masked pieces", f"{result.n_masked:,}"),
    ]
    if result.nsp is None and settings["next_sentence"] in ("nsp", "sop"):
        msg.warn("The head for next sentences was never trained: it has no scores.")
    if result.nsp is not None:
        rows += [
            ("NSP accuracy", f"{100 * result.nsp.accuracy:.1f} %"),
            ("Random pairs", f"{100 * result.nsp.random_ratio:.1f} %"),
        ]
    msg.table(rows, aligns=("l", "r"))


def _judge(path: Path, pairs: Path, n_pairs: int, device: Any) -> None:
    from ..checkpoint.loading import load_mlm_model
    from ..pretraining.minimal_pairs import read_minimal_pairs, score_minimal_pairs

    found = read_minimal_pairs(pairs, n=n_pairs)
    model, tokenizer, _ = load_mlm_model(path)
    scores = score_minimal_pairs(model.to(device), tokenizer, found, write=print)
    table = [
        (
            score.name,
            f"{100 * score.accuracy:.1f} %",
            f"{100 * score.same_ratio:.1f} %",
            f"{score.n_pairs:,}",
        )
        for score in (*scores.phenomena, scores.whole)
    ]
    header = ("Phenomenon", "Good is likelier", "Same pieces", "Pairs")
    msg.table(table, header=header, divider=True, aligns=("l", "r", "r", "r"))
    msg.text(f"The mean of {len(scores.paradigms)} paradigms; ties count half.")


def _sentences(record: "PretrainingRecord") -> str:
    """Checkpoints come from anywhere, so a pipeline that one names is not loaded."""
    if record.sentences in ("lines", "sentencizer"):
        return record.sentences
    msg.warn(
        f"The checkpoint was pretrained on the sentences of {record.sentences!r}. Add "
        f"'--sentences {record.sentences}' to measure it so; this is by sentencizer."
    )
    return "sentencizer"
