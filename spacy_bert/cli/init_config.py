"""`spacy bert init-config`: a checkpoint -> a training config."""

import shlex
from pathlib import Path

from spacy.cli._util import Arg, Opt
from wasabi import msg

_TRAIN = (
    "python -m spacy train {} --output training --paths.train train.spacy "
    "--paths.dev dev.spacy"
)
_PRETRAIN = 'python -m spacy bert pretrain {} out --paths.corpus "texts/*.txt"'


def init_config_cli(
    checkpoint: str = Arg(..., help="Folder, or name on the Hub, of a BERT checkpoint"),
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
    pretraining: bool = Opt(
        False,
        "--pretraining",
        "-pt",
        help="Instead of heads: to continue the checkpoint's pretraining",
    ),
    lang: str = Opt("", "--lang", "-l", help="Two-letter code of the language [en]"),
    force: bool = Opt(
        False, "--force", "-F", help="Replace a config that this command wrote"
    ),
) -> None:
    """Write a config.cfg for training on a checkpoint.

    It is full and commented: for heads on the BERT or, with --pretraining, for more
    pretraining.
    """
    from ..checkpoint.loading import check_loads
    from ..checkpoint.resolving import resolve_checkpoint
    from ..folders import replacing_file
    from ..outputs import CONFIG, CONFIG_HEADER, check_output
    from ..pretraining.starter_config import continue_config
    from ..tasks.starter_config import starter_config, task_config
    from .errors import shown_as_messages
    from .names import split_names

    with shown_as_messages():
        given = {"--task": task, "--pipeline": pipeline, "--pretraining": pretraining}
        options = [name for name, value in given.items() if value]
        if len(options) > 1:
            raise ValueError(
                f"Expected one of {', '.join(given)}, got {' and '.join(options)}."
            )
        path = resolve_checkpoint(checkpoint)
        check_loads(path, fill_heads=("mlm", "nsp") if pretraining else None)
        if pretraining:
            config = continue_config(checkpoint, lang=lang or None)
        elif task:
            config = task_config(checkpoint, task=task, lang=lang or "en")
        else:
            heads = split_names(pipeline or "textcat,ner")
            config = starter_config(checkpoint, heads=heads, lang=lang or "en")
        config = CONFIG_HEADER + config
        if str(output_file) == "-":
            print(config, end="")
            return
        output = check_output(output_file, CONFIG, force=force, inputs=[path])
        with replacing_file(output) as new:
            new.write_text(config, encoding="utf8")
        msg.good(f"Wrote {output_file}")
        command = _PRETRAIN if pretraining else _TRAIN
        msg.text("You can now add your data and train:")
        print(command.format(shlex.quote(str(output_file))))
