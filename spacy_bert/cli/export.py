"""`spacy bert export`: the encoder of a pipeline -> a folder for other libraries."""

from pathlib import Path

from spacy.cli._util import Arg, Opt
from wasabi import msg


def export_cli(
    pipeline: str = Arg(
        ...,
        help="Folder or package of a pipeline, or a checkpoint: its folder or its name "
        "on the Hugging Face Hub",
    ),
    output_dir: Path = Arg(..., help="Folder to write"),
    format: str = Opt(
        "transformers", "--format", "-f", help="transformers (safetensors) or onnx"
    ),
    precision: str = Opt(
        "", "--precision", help="onnx: fp32 or int8 [that of the pipeline's weights]"
    ),
    component: str = Opt(
        "", "--component", "-c", help="The component with the encoder, of several"
    ),
    force: bool = Opt(False, "--force", "-F", help="Replace an earlier export"),
) -> None:
    """Write the BERT of a pipeline as a folder that other libraries load.

    transformers, sentence-transformers and spacy-transformers load a folder of the
    format transformers, ONNX Runtime the model.onnx of the format onnx. The tokenizer
    is in the folder. Heads of the pipeline are not: they are spaCy's.
    """
    from ..folders import replacing
    from ..interop.export import find_bert, write_onnx, write_transformers
    from ..outputs import EXPORT, check_output, mark_export
    from .errors import shown_as_messages
    from .pipelines import find_folder, megabytes

    with shown_as_messages():
        if format not in ("transformers", "onnx"):
            raise ValueError(
                f"--format: expected transformers or onnx, got {format!r}."
            )
        if precision and format != "onnx":
            raise ValueError(
                "--precision is for --format onnx. The format transformers has the "
                "weights as they are. Leave it out."
            )
        output = check_output(
            output_dir, EXPORT, force=force, inputs=[find_folder(pipeline)]
        )
        bert = find_bert(pipeline, component=component or None)
        with replacing(output) as folder:
            if format == "onnx":
                write_onnx(bert, folder, precision=precision or None)
            else:
                write_transformers(bert, folder)
            mark_export(folder)
        msg.good(f"Wrote {output_dir} ({megabytes(output):,.0f} MB)")
