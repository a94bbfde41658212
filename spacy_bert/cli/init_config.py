"""`spacy bert init-config`: a checkpoint -> a training config."""

from pathlib import Path

from spacy.cli._util import Arg, Opt
from wasabi import msg


def init_config_cli(
    checkpoint: Path = Arg(..., help="Folder of a BERT checkpoint"),
    output_file: Path = Arg(..., help="File to write, or - for standard output"),
    pipeline: str = Opt(
        "", "--pipeline", "-p", help="Heads, separated by commas [textcat,ner]"
    ),
    task: str = Opt(
        "",
        "--task",
        "-t",
        help="Instead of heads: classification, multilabel, pairs, similarity, "
        "questions, entities, features, tagging, parsing or spans",
    ),
    lang: str = Opt("en", "--lang", "-l", help="Two-letter code of the language"),
    force: bool = Opt(
        False, "--force", "-F", help="Replace a config that this command wrote"
    ),
) -> None:
    """Write a full, commented config.cfg for heads on a BERT checkpoint.

    Train with: spacy train config.cfg --paths.train A.spacy --paths.dev B.spacy
    """
    from ..folders import replacing_file
    from ..outputs import CONFIG, CONFIG_HEADER, check_output
    from ..pipeline.starter_config import starter_config, task_config
    from .errors import shown_as_messages

    with shown_as_messages():
        if task and pipeline:
            raise ValueError("Expected --task or --pipeline, got both.")
        if task:
            config = task_config(checkpoint, task=task, lang=lang)
        else:
            names = (pipeline or "textcat,ner").split(",")
            heads = [name.strip() for name in names if name.strip()]
            config = starter_config(checkpoint, heads=heads, lang=lang)
        config = CONFIG_HEADER + config
        if str(output_file) == "-":
            print(config, end="")
            return
        output = check_output(output_file, CONFIG, force=force, inputs=[checkpoint])
        with replacing_file(output) as new:
            new.write_text(config, encoding="utf8")
        msg.good(f"Wrote {output_file}")
