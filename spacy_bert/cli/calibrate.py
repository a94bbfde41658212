"""`spacy bert calibrate`: a trained pipeline -> one of calibrated probabilities."""

from pathlib import Path
from typing import TYPE_CHECKING

from spacy.cli._util import Arg, Opt
from wasabi import msg

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.training import Example

    from ..tasks.calibration.temperature import Calibration

_THRESHOLDS = [0.5 + 0.05 * i for i in range(10)]


def calibrate_cli(
    pipeline: str = Arg(..., help="Folder or package of a trained pipeline"),
    data_path: Path = Arg(
        ..., help="Annotated .spacy file, which it was not trained on", exists=True
    ),
    output_dir: Path = Arg(..., help="Folder to write"),
    components: str = Opt(
        "",
        "--components",
        "-c",
        help="Heads, separated by commas [all that have probabilities]",
    ),
    coverage: float = Opt(
        0.9, "--coverage", help="How often text_regressor's intervals are to be right"
    ),
    gpu_id: int = Opt(-1, "--gpu-id", "-g", help="GPU, or -1 for the CPU"),
    force: bool = Opt(False, "--force", "-F", help="Replace an earlier pipeline"),
) -> None:
    """Fit a temperature for each head, by which its scores are divided.

    For bert_ner, extractive_qa, textcat, textcat_multilabel and spancat. Predictions
    stay the same; their probabilities come closer to how often they are right. A
    text_regressor gets intervals.
    """
    from spacy.cli._util import setup_gpu

    from ..folders import replacing
    from ..outputs import PIPELINE, check_output
    from .errors import shown_as_messages
    from .pipelines import find_folder, load_pipeline, predict_examples

    with shown_as_messages():
        setup_gpu(gpu_id)
        output = check_output(
            output_dir, PIPELINE, force=force, inputs=[find_folder(pipeline)]
        )
        nlp = load_pipeline(pipeline)
        examples = predict_examples(nlp, data_path)
        _calibrate(nlp, examples, components, coverage)
        with replacing(output) as folder:
            nlp.to_disk(folder)
        msg.good(f"Wrote {output_dir}")


def _calibrate(
    nlp: "Language", examples: "list[Example]", components: str, coverage: float
) -> None:
    from ..tasks.calibration.heads import find_head
    from ..tasks.calibration.intervals import fit_intervals
    from ..tasks.calibration.temperature import calibrate
    from ..tasks.text.component import TextRegressor
    from .names import split_names

    asked = split_names(components)
    unknown = [name for name in asked if name not in nlp.pipe_names]
    if unknown:
        raise ValueError(
            f"--components: expected some of {', '.join(nlp.pipe_names)}, got "
            f"{', '.join(unknown)}."
        )
    pipes = [(n, pipe) for n, pipe in nlp.pipeline if n in asked or not asked]
    regressors = {n: pipe for n, pipe in pipes if isinstance(pipe, TextRegressor)}
    heads = {
        n: find_head(n, pipe, examples) for n, pipe in pipes if n not in regressors
    }
    without = [name for name in asked if heads.get(name, name) is None]
    if without or not (regressors or any(heads.values())):
        raise ValueError(
            "Expected a bert_ner, extractive_qa, textcat, textcat_multilabel, spancat "
            f"or text_regressor, got {', '.join(without or heads)}, whose predictions "
            "have no probabilities."
        )
    for name, head in heads.items():
        if head:
            _show(name, calibrate(head))
    for name, regressor in regressors.items():
        found = fit_intervals(name, regressor, examples, coverage=coverage)
        msg.divider(f"{name}: intervals for {100 * coverage:.0f} % of the texts")
        for label, half in found.items():
            msg.text(f"{label}: the value ± {half:.3g}")


def _show(name: str, found: "Calibration") -> None:
    msg.divider(f"{name}: temperature {found.temperature:.2f}")
    before, after = found.before, found.after
    msg.text(
        f"Expected calibration error: {100 * before.calibration_error():.1f} % before, "
        f"{100 * after.calibration_error():.1f} % after, of {len(after.probs):,} "
        "predictions"
    )
    rows = []
    for threshold in _THRESHOLDS:
        cells = [
            f"{100 * x:.1f}" for x in (*before.kept(threshold), *after.kept(threshold))
        ]
        rows.append((f"{threshold:.2f}", *cells))
    header = ("probability", "right, %", "kept, %", "right after", "kept after")
    msg.table(rows, header=header, aligns=("r",) * len(header), divider=True)
