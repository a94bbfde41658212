"""`spacy-bert.TensorBoard.v1`, a logger of spaCy's kind -> TensorBoard's files."""

import json
import sys
from collections.abc import Callable
from typing import IO, Any

from spacy.language import Language

Info = dict[str, Any]
SetupLogger = Callable[..., tuple[Callable[[Info | None], None], Callable[[], None]]]


def make_tensorboard_logger(log_dir: str) -> SetupLogger:
    """Raises ImportError if tensorboard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ImportError(
            "spacy-bert.TensorBoard.v1 needs tensorboard: pip install "
            f"'spacy-bert[tensorboard]' ({error})."
        ) from error

    def setup_logger(
        nlp: Language, stdout: IO[str] = sys.stdout, stderr: IO[str] = sys.stderr
    ) -> tuple[Callable[[Info | None], None], Callable[[], None]]:
        writer = SummaryWriter(log_dir)
        settings = json.dumps(nlp.config.interpolate(), indent=2)
        # Indented by four, text is code in TensorBoard's Markdown.
        writer.add_text("config", settings.replace("\n", "\n    "))

        def log_step(info: Info | None) -> None:
            if info is None:
                return
            losses = {f"loss_{name}": loss for name, loss in info["losses"].items()}
            scores = {"score": info["score"], **info["other_scores"], **losses}
            for name, value in scores.items():
                if isinstance(value, int | float):
                    writer.add_scalar(name, value, info["step"])

        return log_step, writer.close

    return setup_logger
