"""`spacy bert errors`: a pipeline and annotated text -> a page of its mistakes."""

from pathlib import Path

from spacy.cli._util import Arg, Opt
from wasabi import msg


def mistakes_cli(
    pipeline: str = Arg(..., help="Folder or package of a trained pipeline"),
    data_path: Path = Arg(..., help="Annotated .spacy file", exists=True),
    output_file: Path = Arg(..., help="HTML file to write"),
    n: int = Opt(50, "--n", "-n", help="Mistakes that are shown of each kind", min=1),
    gpu_id: int = Opt(-1, "--gpu-id", "-g", help="GPU, or -1 for the CPU"),
    force: bool = Opt(False, "--force", "-F", help="Replace an earlier page"),
) -> None:
    """Show what a trained pipeline gets wrong, as an HTML page.

    For bert_ner, ner, textcat, textcat_multilabel, spancat and extractive_qa: scores by
    label, confusion, how often a probability is right, and the surest mistakes in their
    texts. The page needs no network.
    """
    from spacy.cli._util import setup_gpu

    from ..folders import replacing_file
    from ..outputs import ERROR_PAGE, check_output
    from ..tasks.mistakes.finding import find_mistakes
    from ..tasks.mistakes.page import make_page
    from .errors import shown_as_messages
    from .pipelines import load_pipeline, predict_examples

    with shown_as_messages():
        setup_gpu(gpu_id)
        output = check_output(output_file, ERROR_PAGE, force=force, inputs=[data_path])
        nlp = load_pipeline(pipeline)
        examples = predict_examples(nlp, data_path)
        reports = find_mistakes(nlp, examples)
        remark = f"{pipeline} on {len(examples):,} Docs of {data_path}."
        page = make_page(reports, remark=remark, n_shown=n)
        with replacing_file(output) as new:
            new.write_text(page, encoding="utf8")
        for report in reports:
            f = report.counts.total().scores()[-1]
            msg.text(f"{report.name}: F {100 * f:.1f}, {len(report.mistakes):,} wrong")
        msg.good(f"Wrote {output_file}")
