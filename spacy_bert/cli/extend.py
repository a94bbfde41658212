"""`spacy bert extend`: a trained pipeline -> one whose head has more labels."""

import json
from pathlib import Path

from spacy.cli._util import Arg, Opt
from wasabi import msg

_NEXT = """To learn them from text that is annotated with them alone:

[components.bert_encoder]
source = "{output}"

[components.{name}]
source = "{output}"

[corpora.train]
@readers = "spacy-bert.TaughtCorpus.v1"
path = ${{paths.train}}
teacher = "{pipeline}"

[corpora.train.labels]
{name} = {labels}
"""


def extend_cli(
    pipeline: str = Arg(..., help="Folder or package of a trained pipeline"),
    output_dir: Path = Arg(..., help="Folder to write"),
    component: str = Opt(..., "--component", "-c", help="The head, such as bert_ner"),
    labels: str = Opt(..., "--labels", "-l", help="New labels, separated by commas"),
    force: bool = Opt(False, "--force", "-F", help="Replace an earlier pipeline"),
) -> None:
    """Give a bert_ner, or a text classifier of ours, more labels.

    Predictions stay as they were: the new labels begin with a probability near zero,
    and are learned in the next training.
    """
    from ..folders import replacing
    from ..outputs import PIPELINE, check_output
    from ..tasks.extending import extend
    from .errors import shown_as_messages
    from .names import split_names
    from .pipelines import find_folder, load_pipeline

    with shown_as_messages():
        output = check_output(
            output_dir, PIPELINE, force=force, inputs=[find_folder(pipeline)]
        )
        nlp = load_pipeline(pipeline)
        added = extend(nlp, component, split_names(labels))
        with replacing(output) as folder:
            nlp.to_disk(folder)
    msg.good(f"Wrote {output_dir}, in which {component} has {', '.join(added)} too")
    print(
        _NEXT.format(
            name=component,
            output=output_dir,
            pipeline=pipeline,
            labels=json.dumps(added, ensure_ascii=False),
        )
    )
