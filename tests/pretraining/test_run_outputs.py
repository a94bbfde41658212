"""What is in the output folder of a run, and who may replace it."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from same_run import assert_same_run, log_rows
from toy_corpus import make_documents, read_log

from spacy_bert.corpus.documents import CorpusConfig
from spacy_bert.corpus.index.building import build_shards, open_index
from spacy_bert.corpus.index.fingerprint import plan_index
from spacy_bert.pretraining import pretrain
from spacy_bert.pretraining.report import write_report
from spacy_bert.pretraining.training import loop
from spacy_bert.tokenization import WordPiece

MINE = "what I wrote for three years"
# Files of others, under the names of a run.
FOREIGN = {
    "log.jsonl": '{"epoch": 1, "loss": 0.5}\n',
    "fills.jsonl": MINE,
    "report.html": "<html><title>My report</title></html>",
    "model-last/meta.json": "{}",
    "model-best/config.cfg": "[nlp]\n",
    "model-best/thesis.txt": MINE,
    "index/thesis.txt": MINE,
    "index/meta.json": '{"lang": "en", "name": "a pipeline"}',
    "index.shards/thesis.txt": MINE,
}


def quiet(text: str) -> None:
    pass


@pytest.fixture
def config(make_config):
    small = {"max_steps": 2, "eval_every": 2, "n_eval_instances": 4}
    return make_config(pretraining=small, model={"n_layers": 1})


@pytest.mark.parametrize("options", [{}, {"resume": True}, {"overwrite": True}])
@pytest.mark.parametrize("name", FOREIGN)
def test_what_no_run_wrote_is_refused_by_name(tmp_path, config, name, options):
    file = tmp_path / "out" / name
    file.parent.mkdir(parents=True)
    file.write_text(FOREIGN[name])
    if name == "index/meta.json":
        (file.parent / "vocab").write_text(MINE)
    with pytest.raises((FileExistsError, ValueError), match=name.split("/")[0]):
        pretrain(config, tmp_path / "out", write=quiet, **options)
    assert file.read_text() == FOREIGN[name]


@pytest.mark.parametrize("name", ["log.jsonl", "fills.jsonl", "report.html"])
def test_files_of_a_run_alone_are_an_earlier_run(tmp_path, config, name):
    out, earlier = tmp_path / "out", tmp_path / "earlier"
    pretrain(config, earlier, write=quiet)
    out.mkdir()
    before = (earlier / name).read_bytes()
    (out / name).write_bytes(before)
    with pytest.raises(FileExistsError, match=f"{name} is of an earlier run"):
        pretrain(config, out, write=quiet)
    assert (out / name).read_bytes() == before
    pretrain(config, out, overwrite=True, write=quiet)
    assert_same_run(out, earlier)
    assert log_rows(out) == log_rows(earlier)


def test_a_run_that_ended_before_its_first_checkpoint_begins_again(tmp_path, config):
    """Killed between the first model-best and the first model-last."""
    out, whole = tmp_path / "out", tmp_path / "whole"
    for path in (out, whole):
        pretrain(config, path, write=quiet)
    first, *_ = (out / "log.jsonl").read_text().splitlines(keepends=True)
    (out / "log.jsonl").write_text(first)
    (out / "model-last").rename(tmp_path / "gone")
    with pytest.raises(FileExistsError, match="--overwrite"):
        pretrain(config, out, write=quiet)
    pretrain(config, out, resume=True, write=quiet)
    assert_same_run(out, whole)
    assert log_rows(out) == log_rows(whole)


def test_a_report_of_something_else_stays(tmp_path, config):
    pretrain(config, tmp_path / "out", write=quiet)
    (tmp_path / "out" / "report.html").write_text(MINE)
    with pytest.raises(FileExistsError, match="report.html is not the report of a run"):
        write_report(tmp_path / "out")
    assert (tmp_path / "out" / "report.html").read_text() == MINE


def test_shards_of_something_else_stay(tmp_path, corpus_path, vocab_path):
    plan = plan_index(
        CorpusConfig(path=str(corpus_path)),
        tokenizer=WordPiece.from_file(vocab_path),
        splitter=None,
    )
    (tmp_path / "index.shards").mkdir()
    (tmp_path / "index.shards" / "thesis.txt").write_text(MINE)
    for build in (open_index, build_shards):
        with pytest.raises(FileExistsError, match="index.shards"):
            build(tmp_path / "index", plan)
    assert (tmp_path / "index.shards" / "thesis.txt").read_text() == MINE


def test_a_second_run_in_the_same_folder_ends(tmp_path, config, monkeypatch):
    out, begun, may_go_on = tmp_path / "out", Event(), Event()
    real = loop.train_step

    def wait(*args, **kwargs):
        begun.set()
        assert may_go_on.wait(60)
        return real(*args, **kwargs)

    monkeypatch.setattr(loop, "train_step", wait)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(pretrain, config, out, write=quiet)
        assert begun.wait(60)
        for options in ({}, {"resume": True}, {"overwrite": True}):
            with pytest.raises(BlockingIOError, match="out is in use: process"):
                pretrain(config, out, write=quiet, **options)
        may_go_on.set()
        first.result()
    assert [row["step"] for row in read_log(out)] == [0, 2]
    pretrain(config, tmp_path / "whole", write=quiet)
    assert_same_run(out, tmp_path / "whole")


@pytest.mark.slow
def test_commands_that_start_at_once(tmp_path, settings, corpus_path, vocab_path):
    """One of them goes through, the other ones say why not."""
    config = tmp_path / "my.cfg"
    config.write_text(
        f'[corpus]\npath = "{corpus_path}"\nsentences = "lines"\nheld_out_ratio = 0.1\n'
        f'[vocabulary]\npath = "{vocab_path}"\n[model]\nhidden_width = 8\n'
        "n_layers = 1\nn_heads = 2\n[pretraining]\nmax_steps = 60\nsave_every = 5\n"
        "batch_size = 8\nmax_length = 32\n"
    )
    command = [sys.executable, "-m", "spacy_bert", "pretrain", config, tmp_path / "out"]
    processes = [
        subprocess.Popen(
            [*command, "--resume"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        for _ in range(3)
    ]
    said = [process.communicate()[0].decode() for process in processes]
    codes = [process.returncode for process in processes]
    assert sorted(codes) in ([0, 1, 1], [0, 0, 1], [0, 0, 0])
    for code, text in zip(codes, said, strict=True):
        assert code == 0 or "is in use: process" in " ".join(text.split())
    steps = [row["step"] for row in read_log(tmp_path / "out")]
    assert steps == [0, *range(5, 61, 5)]


@pytest.mark.parametrize("path", ["texts", "texts/**/*.txt", "texts/*/*.jsonl"])
def test_output_that_would_be_text_of_the_corpus(make_config, tmp_path, path):
    """The next run would read it, and the first could not be resumed."""
    (tmp_path / "texts" / "out").mkdir(parents=True)
    (tmp_path / "texts" / "one.txt").write_text(make_documents(20))
    (tmp_path / "texts" / "out" / "two.jsonl").write_text('{"text": "a cat ran ."}\n')
    config = make_config(corpus={"path": str(tmp_path / path)})
    with pytest.raises(ValueError, match="expected a folder apart from the corpus"):
        pretrain(config, tmp_path / "texts" / "out")
    assert [p.name for p in (tmp_path / "texts" / "out").iterdir()] == ["two.jsonl"]
