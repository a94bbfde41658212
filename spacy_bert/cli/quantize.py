"""`spacy bert quantize`: a trained pipeline -> one of 8-bit weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spacy.cli._util import Arg, Opt
from wasabi import msg


def quantize_cli(
    pipeline: str = Arg(..., help="Folder or package of a trained pipeline"),
    output_dir: Path = Arg(..., help="Folder to write"),
    force: bool = Opt(False, "--force", "-F", help="Replace an earlier pipeline"),
) -> None:
    """Write a pipeline whose encoders have 8-bit weights.

    It is smaller, and faster on CPUs. It predicts and can be packaged, but not trained.
    Measure it before you use it: spacy evaluate OUTPUT_DIR DATA
    """
    import spacy

    from ..folders import replacing
    from ..outputs import PIPELINE, check_output
    from .errors import shown_as_messages
    from .pipelines import check_pipeline, find_folder, megabytes

    with shown_as_messages():
        check_pipeline(pipeline)
        output = check_output(
            output_dir, PIPELINE, force=force, inputs=[find_folder(pipeline)]
        )
        components = spacy.load(pipeline).config["components"]
        names = _encoders(components)
        if not names:
            raise ValueError(
                f"{pipeline}: expected a pipeline with a BERT encoder of ours, found "
                "none."
            )
        encoders = [spacy.util.dot_to_object(components, name) for name in names]
        if all(encoder["precision"] == "int8" for encoder in encoders):
            msg.info(
                f"{pipeline} has 8-bit weights already: nothing is left but to copy it."
            )
        overrides = {f"components.{name}.precision": "int8" for name in names}
        nlp = spacy.load(pipeline, config=overrides)
        with replacing(output) as folder:
            nlp.to_disk(folder)
        msg.good(f"Wrote {output_dir} ({megabytes(output):,.0f} MB)")


def _encoders(section: Mapping[str, Any]) -> list[str]:
    """Where an encoder is in the config: "bert_encoder.model", ..."""
    from ..pipeline.bert_encoder import DEFAULT_CONFIG

    found = []
    for name, value in section.items():
        if isinstance(value, Mapping):
            if value.get("@architectures") == DEFAULT_CONFIG["model"]["@architectures"]:
                found.append(name)
            found.extend(f"{name}.{inner}" for inner in _encoders(value))
    return found
