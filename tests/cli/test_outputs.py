"""Commands replace what this package wrote, with --force, and nothing else."""

import os
import shutil

import pytest
import spacy
from spacy.cli.init_config import init_config
from spacy.tokens import DocBin
from typer.testing import CliRunner

from spacy_bert import add_encoder
from spacy_bert.cli import bert_cli
from spacy_bert.cli.errors import shown_as_messages
from spacy_bert.tokenization.special import SPECIAL_PIECES

VOCAB_CONFIG = """
[corpus]
path = "{folder}/corpus.txt"
sentences = "lines"
held_out_ratio = 0.1
[vocabulary]
path = "{folder}/vocab.txt"
size = 60
[pretraining]
max_steps = 1
"""
MINE = "what I wrote for three years"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """run("vocab", "my.cfg") -> the exit status and what was printed, in tmp_path"""
    monkeypatch.chdir(tmp_path)

    def start(*arguments):
        result = CliRunner().invoke(bert_cli, [str(a) for a in arguments])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, " ".join(result.output.split())

    return start


@pytest.fixture
def start(tmp_path, checkpoint):
    """What the commands below read."""
    lines = [f"the cat {i} sat on the mat\n" for i in range(60)]
    (tmp_path / "corpus.txt").write_text("\n".join(lines))
    (tmp_path / "my.cfg").write_text(VOCAB_CONFIG.format(folder=tmp_path))
    (tmp_path / "pairs.tsv").write_text("sentence1\tsentence2\tgold\na\tb\tyes\n")
    nlp = spacy.blank("xx")
    add_encoder(nlp, checkpoint)
    nlp.to_disk(tmp_path / "pipeline")
    stock = init_config(lang="en", pipeline=["ner"], silent=True)
    stock.to_disk(tmp_path / "tok2vec.cfg")


COMMANDS = {
    "vocab.txt": ["vocab", "my.cfg", "-q"],
    "out.spacy": ["convert", "pairs.tsv", "out.spacy", "-f", "pairs"],
    "out.cfg": ["init-config", "checkpoint", "out.cfg"],
    "out": ["quantize", "pipeline", "out"],
    "new.cfg": ["migrate", "tok2vec.cfg", "new.cfg", "--checkpoint", "checkpoint"],
    "exported": ["export", "pipeline", "exported"],
}
# Outputs that are folders, and a file in them that is written each time.
FOLDERS = {"out": "meta.json", "exported": "config.json"}


@pytest.mark.parametrize("name", COMMANDS)
def test_with_force_an_earlier_output_is_replaced(tmp_path, start, run, name):
    code, said = run(*COMMANDS[name])
    assert code == 0, said
    code, said = run(*COMMANDS[name])
    assert code == 1 and "exists already. Give another name, or --force" in said
    path = tmp_path / name
    marks = path / FOLDERS[name] if name in FOLDERS else path
    before, inode = marks.read_bytes(), marks.stat().st_ino
    assert run(*COMMANDS[name], "--force")[0] == 0
    assert marks.read_bytes() == before and marks.stat().st_ino != inode
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("arguments", [[], ["--force"]])
@pytest.mark.parametrize("name", COMMANDS)
def test_what_is_not_ours_stays(tmp_path, start, run, name, arguments):
    path = tmp_path / name
    file = path / "thesis.txt" if name in FOLDERS else path
    file.parent.mkdir(exist_ok=True)
    file.write_text(MINE)
    code, said = run(*COMMANDS[name], *arguments)
    assert code == 1 and "Move it away, or give another name" in said
    assert file.read_text() == MINE


def test_a_pipeline_with_something_else_in_it_stays(tmp_path, start, run):
    run(*COMMANDS["out"])
    (tmp_path / "out" / "notes.md").write_text(MINE)
    code, said = run(*COMMANDS["out"], "--force")
    assert code == 1 and "is not a pipeline and nothing else" in said
    assert (tmp_path / "out" / "notes.md").read_text() == MINE


@pytest.mark.parametrize("name", COMMANDS)
def test_what_is_empty_is_replaced(tmp_path, start, run, name):
    path = tmp_path / name
    path.mkdir() if name in FOLDERS else path.touch()
    assert run(*COMMANDS[name])[0] == 1
    assert run(*COMMANDS[name], "--force")[0] == 0


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with a name")
@pytest.mark.parametrize("name", COMMANDS)
def test_a_pipe_is_not_waited_for(tmp_path, start, run, name):
    os.mkfifo(tmp_path / name)
    assert run(*COMMANDS[name], "--force")[0] == 1


@pytest.mark.parametrize("name", COMMANDS)
def test_a_link_stays_one(tmp_path, start, run, name):
    run(*COMMANDS[name])
    target = tmp_path / f"other-{name}"
    (tmp_path / name).rename(target)
    (tmp_path / name).symlink_to(target)
    stat = target.stat()
    assert run(*COMMANDS[name], "--force")[0] == 0
    assert (tmp_path / name).is_symlink()
    assert target.stat().st_ino != stat.st_ino


@pytest.mark.parametrize("name", COMMANDS)
def test_a_link_to_nothing_is_refused(tmp_path, start, run, name):
    (tmp_path / name).symlink_to(tmp_path / "unmounted" / name)
    code, said = run(*COMMANDS[name], "--force")
    assert code == 1 and "where nothing is" in said
    assert not (tmp_path / "unmounted").exists()
    (tmp_path / name).unlink()
    (tmp_path / name).symlink_to(tmp_path / name)
    code, said = run(*COMMANDS[name], "--force")
    assert code == 1 and "where nothing is" in said


def link_to(source, path):
    path.symlink_to(source)
    return path.name


def hard_link_to(source, path):
    os.link(source, path)
    return path.name


CORPORA = {
    "the file": lambda folder: "corpus.txt",
    "by another path": lambda folder: f"{folder}/../{folder.name}/corpus.txt",
    "by a link": lambda folder: link_to(folder / "corpus.txt", folder / "l.txt"),
    "by a hard link": lambda folder: hard_link_to(
        folder / "corpus.txt", folder / "h.txt"
    ),
}


@pytest.mark.parametrize("vocab", CORPORA)
def test_a_vocabulary_never_replaces_its_corpus(tmp_path, start, run, vocab):
    """Even if the corpus begins as a vocabulary does."""
    text = "\n".join([*SPECIAL_PIECES, *(f"word {i}\n" for i in range(60))])
    (tmp_path / "corpus.txt").write_text(text)
    path = CORPORA[vocab](tmp_path)
    code, said = run("vocab", "my.cfg", "--force", "--vocabulary.path", path)
    assert code == 1 and "apart from the input" in said
    assert (tmp_path / "corpus.txt").read_text() == text


@pytest.mark.parametrize("corpus", [".", "texts", "texts/*.txt", "**/*.txt"])
def test_a_vocabulary_does_not_become_text(tmp_path, start, run, corpus):
    (tmp_path / "texts" / "new").mkdir(parents=True)
    shutil.copy(tmp_path / "corpus.txt", tmp_path / "texts")
    given = ["--corpus.path", corpus, "--corpus.reader", "text"]
    code, said = run("vocab", "my.cfg", *given, "--vocabulary.path", "texts/vocab.txt")
    assert code == 1 and "takes for text" in said
    if corpus == "texts/*.txt":
        path = ["--vocabulary.path", "texts/new/vocab.txt"]
        assert run("vocab", "my.cfg", *given, *path)[0] == 0


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["quantize", "pipeline", "pipeline"], "apart from the input"),
        (["quantize", "pipeline", "pipeline/int8"], "apart from the input"),
        (["quantize", "checkpoint/../pipeline", "pipeline"], "apart from the input"),
        (["quantize", "pipeline", "."], "that you are in"),
        (["export", "checkpoint", "checkpoint"], "apart from the input"),
        (["export", "checkpoint", "pipeline"], "is not an export"),
        (["quantize", "pipeline", ".."], "that you are in"),
        (["init-config", "checkpoint", "checkpoint/config.json"], "is not a config"),
        (["init-config", "checkpoint", "checkpoint"], "apart from the input"),
        (
            ["migrate", "tok2vec.cfg", "tok2vec.cfg", "--checkpoint", "checkpoint"],
            "apart from the input",
        ),
        (
            ["migrate", "tok2vec.cfg", "my.cfg", "--checkpoint", "checkpoint"],
            "is not a config that 'spacy bert migrate' wrote",
        ),
        (["convert", "in.spacy", "in.spacy", "-f", "pairs"], "apart from the input"),
    ],
)
def test_no_input_is_replaced(tmp_path, start, run, arguments, message):
    DocBin(docs=[spacy.blank("xx")("mine")]).to_disk(tmp_path / "in.spacy")
    files = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    code, said = run(*arguments, "--force")
    assert code == 1 and message in said
    assert files == {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}


def test_standard_output_is_no_file(tmp_path, start, run):
    (tmp_path / "-").write_text(MINE)
    code, said = run("init-config", "checkpoint", "-")
    assert code == 0 and "[components.bert_encoder]" in said
    assert (tmp_path / "-").read_text() == MINE


def test_out_of_memory_is_a_message(capsys):
    with pytest.raises(Exception) as raised, shown_as_messages():
        raise MemoryError
    assert raised.value.exit_code == 1
    assert "Not enough memory" in capsys.readouterr().out
