"""The five commands: what they print, and faults as messages."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import pytest
from environments import ROOT
from toy_corpus import read_log
from typer.testing import CliRunner

from spacy_bert.cli import bert_cli
from spacy_bert.cli.pretrain import _command
from spacy_bert.interop.sentences import make_splitter
from spacy_bert.locks import locked

CONFIG = """
[paths]
corpus = "{corpus}"
[corpus]
path = ${{paths.corpus}}
sentences = "lines"
held_out_ratio = 0.1
[vocabulary]
path = "{folder}/learned.txt"
size = 60
[model]
hidden_width = 16
n_layers = 1
n_heads = 2
intermediate_width = 32
max_positions = 64
[pretraining]
max_steps = 4
batch_size = 8
max_length = 32
warmup_ratio = 0.3
"""


@pytest.fixture
def config_path(tmp_path, corpus_path):
    path = tmp_path / "pretrain.cfg"
    path.write_text(CONFIG.format(corpus=corpus_path, folder=tmp_path))
    return path


def run(*arguments, exit_code=0):
    result = CliRunner().invoke(bert_cli, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == exit_code, result.output
    # Messages are wrapped at the width of the terminal.
    return " ".join(result.output.split())


def test_a_vocabulary_that_stays_small_says_why(config_path):
    said = run("vocab", config_path, "--vocabulary.size", 500)
    assert "asks for 500 pieces, but no others occur 2 times in the corpus" in said


def test_the_command_can_be_given_again(monkeypatch):
    arguments = ["torchrun/spacy_bert", "pretrain", "my config.cfg", "out", "--resume"]
    for given in (arguments, ["spacy", "bert", *arguments[1:]]):
        monkeypatch.setattr("sys.argv", given)
        assert _command() == "spacy bert pretrain 'my config.cfg' out --resume"


def test_from_text_to_a_filled_mask(tmp_path, config_path, corpus_path):
    assert "pieces to" in run("vocab", config_path, "--quiet")
    output = tmp_path / "out"
    said = run("pretrain", config_path, output, "--pretraining.max_steps", 3)
    assert "3 steps are done" in said and "GUESS" in said
    assert "report.html" in said
    page = (output / "report.html").read_text(encoding="utf8")
    assert "documents" in page and f"spacy bert probe {output}/model-best" in page
    (output / "report.html").unlink()
    assert "Wrote" in run("report", output) and (output / "report.html").is_file()
    best = output / "model-best"
    assert "MLM loss" in run("evaluate", best, corpus_path, "-m", 32)
    said = run("evaluate", best, corpus_path, "-m", 32, "--sentences", "sentencizer")
    assert "Unigram loss" in said
    said = run("evaluate", best, corpus_path, "-m", 32, "--next-sentence", "none")
    assert "MLM loss" in said and "NSP" not in said
    said = run("evaluate", best, corpus_path, "-m", 32, "--reader", "tex", exit_code=1)
    assert "tex" in said and "wiki" in said
    said = run("fill-mask", best, "the [MASK] sat on the [MASK]", "--top-k", 2)
    assert said.count("%") == 4
    said = run("pretrain", config_path, output, exit_code=1)
    assert "--overwrite" in said
    run("pretrain", config_path, output, "--overwrite", "--pretraining.seed", 1)
    run("pretrain", config_path, output, "--resume", "--pretraining.seed", 1)


def torchrun(*arguments, until=None):
    """-> the exit status, and what is said, after `until` of which it is told to end"""
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    command += ["--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0"]
    said = []
    with subprocess.Popen(
        [*command, "-m", "spacy_bert", "pretrain", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        text=True,
    ) as process:
        for line in process.stdout:
            said += line.split()
            if until and until in line:
                process.terminate()
                until = None
    return process.returncode, " ".join(said)


@pytest.mark.slow
def test_torchrun_starts_ranks(tmp_path, config_path, vocab_path):
    output = tmp_path / "out"
    given = [config_path, output, "--vocabulary.path", vocab_path]
    long = ["--pretraining.max_steps", 100_000, "--pretraining.log_every", 5]
    status, said = torchrun(*given, *long, "--overwrite", until="HELD-OUT")
    assert status and said.count("Stopped after step") == 1
    step = read_log(output)[-1]["step"]
    assert f"Stopped after step {step} and saved" in said
    more = ["--pretraining.max_steps", step + 5, "--pretraining.parallel", "fsdp"]
    status, said = torchrun(*given, *more, "--resume")
    assert not status and said.count(f"{step + 5} steps are done") == 1
    assert read_log(output)[-1]["step"] == step + 5
    status, said = torchrun(*given)
    assert status and said.count("is of an earlier run") == 1
    # torchrun's own.
    assert said.count("Traceback") == 1


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch", "ignore::UserWarning")
@pytest.mark.parametrize("name", ["gpu", "cluster"])
def test_the_large_configs_in_small(tmp_path, corpus_path, name):
    """On the CPU; that of a cluster by two ranks, with layers that are compiled."""
    sizes = {"hidden_width": 16, "n_layers": 1, "n_heads": 2, "intermediate_width": 32}
    steps = {"max_steps": 6, "batch_size": 4, "accumulate_gradient": 2}
    text = {"paths.corpus": corpus_path, "paths.vocab": tmp_path / "vocab.txt"}
    changes = {
        **text,
        "vocabulary.size": 60,
        "corpus.held_out_ratio": 0.1,
        **{f"model.{key}": value for key, value in sizes.items()},
        **{f"pretraining.{key}": value for key, value in steps.items()},
        "pretraining.n_eval_instances": 8,
        "pretraining.compile": "true" if name == "cluster" else "false",
    }
    given = [word for key, value in changes.items() for word in (f"--{key}", value)]
    config, output = ROOT / "configs" / f"pretrain-{name}.cfg", tmp_path / "out"
    run("vocab", config, *given)
    if name == "cluster":
        status, said = torchrun(config, output, *given, "--resume")
        assert not status, said
    else:
        said = run("pretrain", config, output, *given)
    assert "6 steps are done" in said


def test_the_index_is_built_beforehand(tmp_path, config_path, vocab_path, corpus_path):
    rows = [{"text": text} for text in corpus_path.read_text().split("\n\n")]
    corpus_path = tmp_path / "corpus.jsonl"
    corpus_path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    given = ["--vocabulary.path", vocab_path, "--paths.corpus", corpus_path]
    output = tmp_path / "out"
    said = run("index", config_path, output, "--shard", "2/2", *given)
    assert "The shards of 2/2 are done" in said and not (output / "index").exists()
    said = run("index", config_path, output, *given)
    assert "pieces to train on" in said and "copies of others" in said
    assert "Indexed 1 file, 120 documents, " in said
    assert "Indexing" not in run("pretrain", config_path, output, *given)
    said = run("index", config_path, output, "--shard", "3/2", exit_code=1)
    assert "expected i/n with i from 1 to n, got '3/2'" in said


def test_shards_share_the_folder_and_nothing_else_does(
    tmp_path, config_path, vocab_path
):
    out, given = tmp_path / "out", ["--vocabulary.path", vocab_path]
    with locked(out, shared=True):
        assert "are done" in run("index", config_path, out, "--shard", "1/1", *given)
        for command in ("index", "pretrain"):
            assert "in use" in run(command, config_path, out, *given, exit_code=1)
    with locked(out):
        said = run("index", config_path, out, "--shard", "1/1", *given, exit_code=1)
        assert f"in use: process {os.getpid()} on" in said
    assert "pieces to train on" in run("index", config_path, out, *given)


def test_the_vocabulary_is_learned_through_the_readers(tmp_path, config_path):
    path = tmp_path / "corpus.jsonl"
    texts = [f"word{i % 3} and more" for i in range(60)]
    path.write_text("".join(json.dumps({"body": text}) + "\n" for text in texts))
    config_path.write_text(
        config_path.read_text() + '[corpus.settings]\nfield = "body"\n'
    )
    said = run("vocab", config_path, "--quiet", "--paths.corpus", path)
    pieces = (tmp_path / "learned.txt").read_text().split()
    assert "more" in pieces and "text" not in pieces and "body" not in pieces
    assert "words and punctuation marks were read, and none of them is [UNK]" in said


def test_each_reading_of_the_text_has_a_bar(config_path):
    """For the words and the characters, and at last for those that are [UNK]."""
    said = run("vocab", config_path)
    for label in ("Reading the text, 1 of 2", "Reading the text, 2 of 2"):
        assert said.count(f"{label}: 100%") == 1
    assert said.count("Reading the text: 100%") == 1
    _, last = said.split("Counting the words that are [UNK] ...")
    assert last.split(":")[0].strip() == "Reading the text"


def test_unknown_words_are_shown(tmp_path, config_path):
    """60 Han characters, of which 1 to 60 are in each document, for 55 pieces."""
    han = [chr(0x4E00 + i) for i in range(60)]
    lines = [c * (60 - i) for i, c in enumerate(han)]
    path = tmp_path / "corpus.txt"
    texts = ("\n".join(lines[i:] + lines[:i]) for i in range(10))
    path.write_text("\n\n".join(texts))
    said = run("vocab", config_path, "--quiet", "--paths.corpus", path)
    pieces = (tmp_path / "learned.txt").read_text().split()
    unknown = [60 - i for i, c in enumerate(han) if c not in pieces]
    assert unknown == [5, 4, 3, 2, 1]
    ratio = sum(unknown) / sum(range(61))
    assert f"of which {ratio:.2%} are [UNK]: {han[60 - unknown[0]]} (" in said
    assert f"{len(unknown)} different characters are in no piece" in said
    assert "larger size" in said


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--pretraining.lern_rate", "1"], "Did you mean 'learn_rate'"),
        (["--gpu-id", "99"], "--gpu-id: expected"),
        (["--corpus.path", "missing.txt"], "nothing at missing.txt"),
        (["--vocabulary.path", "missing.txt"], "Learn one with 'spacy bert vocab'"),
        (["--corpus.lang", "xyz", "--corpus.sentences", "sentencizer"], "got 'xyz'"),
    ],
)
def test_faults_are_shown_as_messages(
    tmp_path, config_path, vocab_path, arguments, message
):
    given = ["--vocabulary.path", vocab_path, *arguments]
    said = run("pretrain", config_path, tmp_path / "out", *given, exit_code=1)
    assert message in said


@pytest.mark.parametrize("lang", ["ja", "th"])
def test_a_language_that_needs_a_package_is_named(lang):
    if find_spec({"ja": "sudachipy", "th": "pythainlp"}[lang]):
        pytest.skip("the package is installed")
    with pytest.raises(ValueError, match=f"spaCy needs another package for '{lang}'"):
        make_splitter("sentencizer", lang)


def test_a_vocabulary_is_not_learned_over_that_of_a_checkpoint(config_path, bert_path):
    before = (bert_path / "vocab.txt").read_text()
    path = ["--vocabulary.path", bert_path / "vocab.txt"]
    assert "where a checkpoint lies" in run("vocab", config_path, *path, exit_code=1)
    given = ["--pretraining.checkpoint", bert_path]
    assert "set [vocabulary] extend_vocab" in run(
        "vocab", config_path, *given, exit_code=1
    )
    assert (bert_path / "vocab.txt").read_text() == before


def test_what_is_in_the_output_folder_is_kept(tmp_path, config_path, vocab_path):
    out = tmp_path / "out"
    given = ["--vocabulary.path", vocab_path]
    (out / "model-best").mkdir(parents=True)
    (out / "model-last.old").mkdir()
    said = run("pretrain", config_path, out, *given, exit_code=1)
    assert "model-best is of an earlier run, which has no model-last" in said
    (out / "model-best").rmdir()
    (out / "index").mkdir()
    (out / "index" / "mine.html").touch()
    said = run("pretrain", config_path, out, *given, exit_code=1)
    assert "an index at" in said and "found something else" in said
    assert (out / "index" / "mine.html").exists() and (out / "model-last.old").exists()
    said = run("pretrain", config_path, vocab_path, *given, exit_code=1)
    assert "Expected a folder to write to" in said and "a file or a link" in said


def test_a_key_that_stands_twice_is_shown_as_a_message(tmp_path, config_path):
    config_path.write_text(config_path.read_text() + "max_steps = 5\n")
    said = run("pretrain", config_path, tmp_path / "out", exit_code=1)
    assert "'max_steps' in section 'pretraining' already exists" in said


def test_a_folder_without_a_run_is_shown_as_a_message(tmp_path):
    assert "found no row" in run("report", tmp_path, exit_code=1)


def test_a_logger_in_the_config_gets_the_run(tmp_path, config_path, vocab_path):
    written = tmp_path / "spacy.jsonl"
    section = """
[logger]
@loggers = "spacy.ConsoleLogger.v3"
output_file = "{}"
"""
    config_path.write_text(config_path.read_text() + section.format(written))
    given = ["--vocabulary.path", vocab_path]
    run("pretrain", config_path, tmp_path / "out", *given)
    rows = [json.loads(line) for line in written.read_text().splitlines()]
    logged = read_log(tmp_path / "out")
    assert [row["step"] for row in rows] == [row["step"] for row in logged]
    assert rows[-1]["score"] == pytest.approx(-logged[-1]["held_out_mlm_loss"])


def test_faults_of_a_checkpoint_are_shown_as_messages(tmp_path, corpus_path):
    said = run("fill-mask", tmp_path, "a [MASK]", exit_code=1)
    assert "no config.json" in said
    assert "no config.json" in run("evaluate", tmp_path, corpus_path, exit_code=1)
