"""`spacy_bert.pretrain`: a run from Python, with the sentences that spaCy finds."""

from collections.abc import Callable
from pathlib import Path

import torch

from ..corpus.documents import Splitter
from ..pretraining import PretrainingConfig, TrainingState
from ..pretraining import pretrain as pretrain_sentences
from ..pretraining.training.log_writer import Logger
from .sentences import configured_splitter


def pretrain(
    config: PretrainingConfig,
    output: str | Path,
    *,
    device: torch.device | str = "cpu",
    splitter: Splitter | None = None,
    resume: bool = False,
    overwrite: bool = False,
    n_process: int = 1,
    write: Callable[[str], None] = print,
    logger: Logger | None = None,
) -> TrainingState:
    """Pretrain a BERT up to the config's limit, or until Ctrl-C or SIGTERM, and return
    the state at the end.

    output: the folder that gets `index`, `model-last`, `model-best` (the lowest
        held-out MLM loss), `log.jsonl`, `fills.jsonl` and `report.html`.
    device: "cpu", or a GPU such as "cuda:0".
    splitter: finds the sentences and words of a text; by default, what
        `[corpus] sentences` and `lang` ask for.
    resume: continue `model-last`, if it is there, as if there had been no break: bit
        for bit on the CPU.
    overwrite: start over; together with `resume`, only if the run that is there cannot
        be continued.
    n_process: processes that build the index; 0 takes one for each core. A script that
        asks for more than one guards its main part by `if __name__ == "__main__"`.
    write: gets each line that is printed.
    logger: gets each row of the log, and None after each step.

    Raises BlockingIOError if another run has `output`, ValueError or OSError if
    something does not fit or cannot be read or written, and DivergenceError if steps
    fail again and again.
    """
    return pretrain_sentences(
        config,
        Path(output),
        device=device,
        splitter=splitter or configured_splitter(config),
        resume=resume,
        overwrite=overwrite,
        n_process=n_process,
        write=write,
        logger=logger,
    )
