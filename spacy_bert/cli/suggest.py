"""`spacy bert suggest`: texts without annotation -> those to annotate next."""

from collections.abc import Iterator
from pathlib import Path

from spacy.cli._util import Arg, Opt
from wasabi import msg


def suggest_cli(
    pipeline: str = Arg(..., help="Folder or package of a trained pipeline"),
    texts: str = Arg(
        ..., help="File, folder or glob: .txt with a text a line, .jsonl, .csv, .spacy"
    ),
    output_file: Path = Arg(..., help="JSONL file to write"),
    n: int = Opt(200, "--n", "-n", help="How many texts", min=1),
    component: str = Opt(
        "", "--component", "-c", help="The head that is asked [the first that can be]"
    ),
    measure: str = Opt("entropy", "--measure", "-m", help="entropy or margin"),
    gpu_id: int = Opt(-1, "--gpu-id", "-g", help="GPU, or -1 for the CPU"),
    force: bool = Opt(False, "--force", "-F", help="Replace earlier suggestions"),
) -> None:
    """Find the texts of which a trained pipeline is least sure.

    Annotated, they teach it most. Prodigy, Label Studio and doccano read the file.
    """
    import srsly
    from spacy.cli._util import setup_gpu

    from ..folders import replacing_file
    from ..outputs import SUGGESTIONS, check_output
    from ..tasks.uncertainty import find_component, suggest
    from .errors import shown_as_messages
    from .pipelines import load_pipeline

    with shown_as_messages():
        setup_gpu(gpu_id)
        if measure not in ("entropy", "margin"):
            raise ValueError(f"--measure: expected entropy or margin, got {measure!r}.")
        output = check_output(
            output_file, SUGGESTIONS, force=force, inputs=[Path(texts)]
        )
        nlp = load_pipeline(pipeline)
        name = find_component(nlp, component)
        found = suggest(
            nlp,
            _read(texts),
            n=n,
            component=name,
            measure=measure,
        )
        if not found:
            raise ValueError(f"{texts}: expected texts, found none.")
        with replacing_file(output) as new:
            srsly.write_jsonl(
                new,
                (
                    {
                        "text": one.text,
                        "meta": {
                            "uncertainty": round(one.uncertainty, 4),
                            "component": name,
                        },
                    }
                    for one in found
                ),
            )
        sure, unsure = found[-1].uncertainty, found[0].uncertainty
        msg.good(
            f"Wrote {len(found):,} texts to {output_file}, with a {measure} of {name} "
            f"from {unsure:.2f} to {sure:.2f}"
        )


def _read(path: str) -> Iterator[str]:
    from ..corpus.documents import CorpusConfig, find_sources
    from ..corpus.readers import read_texts

    for source in find_sources(CorpusConfig(path=path)):
        texts = source.lines() if source.reader == "text" else read_texts(source, {})
        yield from (text.strip() for text in texts if text.strip())
