"""The Typer app. Each command imports what it needs when it runs, since every `spacy`
command imports this module."""

import typer
from spacy.cli._util import app

from .calibrate import calibrate_cli
from .compare import compare_cli
from .convert import convert_cli
from .evaluate import evaluate_cli
from .export import export_cli
from .extend import extend_cli
from .fill_mask import fill_mask_cli
from .index import index_cli
from .init_config import init_config_cli
from .migrate import migrate_cli
from .mistakes import mistakes_cli
from .pretrain import pretrain_cli
from .probe import probe_cli
from .quantize import quantize_cli
from .report import report_cli
from .suggest import suggest_cli
from .train import train_cli
from .vocab import vocab_cli

bert_cli = typer.Typer(
    name="bert",
    help="Pretrain a BERT on your text and use it in spaCy pipelines.",
    no_args_is_help=True,
    # As in spaCy's own app: rich would drop "[corpus]" from a help text, as markup.
    rich_markup_mode=None,
)
WITH_OVERRIDES = {"allow_extra_args": True, "ignore_unknown_options": True}
bert_cli.command("vocab", context_settings=WITH_OVERRIDES)(vocab_cli)
bert_cli.command("index", context_settings=WITH_OVERRIDES)(index_cli)
bert_cli.command("pretrain", context_settings=WITH_OVERRIDES)(pretrain_cli)
bert_cli.command("report")(report_cli)
bert_cli.command("evaluate")(evaluate_cli)
bert_cli.command("compare")(compare_cli)
bert_cli.command("probe")(probe_cli)
bert_cli.command("fill-mask")(fill_mask_cli)
bert_cli.command("init-config")(init_config_cli)
bert_cli.command("convert")(convert_cli)
bert_cli.command("migrate")(migrate_cli)
bert_cli.command("train", context_settings=WITH_OVERRIDES)(train_cli)
bert_cli.command("extend")(extend_cli)
bert_cli.command("quantize")(quantize_cli)
bert_cli.command("calibrate")(calibrate_cli)
bert_cli.command("errors")(mistakes_cli)
bert_cli.command("suggest")(suggest_cli)
bert_cli.command("export")(export_cli)
app.add_typer(bert_cli)


def main() -> None:
    """The console script `spacy-bert`."""
    bert_cli(prog_name="spacy-bert")
