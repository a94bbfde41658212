import os
import sys
from errno import ENOSPC
from pathlib import Path
from threading import Thread

import pytest

from spacy_bert import folders
from spacy_bert.folders import recover, replacing, replacing_file
from spacy_bert.writing import WriteError


def write(path, text):
    with replacing(path) as folder:
        (folder / "file").write_text(text)


def test_a_folder_takes_the_place_of_the_last_one(tmp_path):
    for text in ("one", "two"):
        write(tmp_path / "kept", text)
    assert (tmp_path / "kept" / "file").read_text() == "two"
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_a_fault_while_writing_leaves_the_last_one(tmp_path):
    write(tmp_path / "kept", "one")
    with pytest.raises(OSError, match="disk full"):
        with replacing(tmp_path / "kept") as folder:
            (folder / "file").write_text("tw")
            raise OSError("disk full")
    assert (tmp_path / "kept" / "file").read_text() == "one"
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_without_an_exchange_there_are_two_renames(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "_exchange", lambda one, other: False)
    test_a_folder_takes_the_place_of_the_last_one(tmp_path)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux's renameat2")
def test_the_place_is_never_empty(tmp_path, monkeypatch):
    """With the exchange of Linux: each change is one step."""
    write(tmp_path / "kept", "one")
    renamed = []
    monkeypatch.setattr(
        Path, "rename", lambda path, new: renamed.append(path) or os.rename(path, new)
    )
    write(tmp_path / "kept", "two")
    assert tmp_path / "kept" not in renamed


def test_a_kill_between_the_two_renames_is_mended(tmp_path):
    write(tmp_path / "kept", "one")
    (tmp_path / "kept").rename(tmp_path / ".kept.replaced")
    recover(tmp_path / "kept")
    assert (tmp_path / "kept" / "file").read_text() == "one"


def test_what_a_kill_left_half_written_is_thrown_away(tmp_path):
    write(tmp_path / "kept", "one")
    (tmp_path / ".kept.12345678.new").mkdir()
    write(tmp_path / "kept", "two")
    assert (tmp_path / "kept" / "file").read_text() == "two"
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_a_file_takes_the_place_of_the_last_one(tmp_path):
    path = tmp_path / "kept.txt"
    for text in ("one", "two"):
        with replacing_file(path) as new:
            new.write_text(text)
    with pytest.raises(ValueError, match="wrong"), replacing_file(path) as new:
        new.write_text("thr")
        raise ValueError("wrong")
    assert path.read_text() == "two"
    assert list(tmp_path.iterdir()) == [path]


def test_what_another_process_is_writing_is_left_alone(tmp_path):
    path = tmp_path / "kept"
    with replacing(path) as new:
        (new / "file").write_text("slow")
        write(path, "quick")
        assert (new / "file").read_text() == "slow"
    assert (path / "file").read_text() == "slow"
    assert list(tmp_path.iterdir()) == [path]


def test_of_several_at_once_one_is_there_whole(tmp_path):
    path = tmp_path / "kept"

    def write_both(text):
        for _ in range(20):
            with replacing(path) as new:
                (new / "one").write_text(text)
                (new / "other").write_text(text)

    threads = [Thread(target=write_both, args=[text]) for text in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (path / "one").read_text() == (path / "other").read_text()
    assert [file.name for file in tmp_path.iterdir()] == ["kept"]


def test_a_full_disk_is_named(tmp_path):
    with pytest.raises(WriteError, match="kept could not be written .No space.* whole"):
        write(tmp_path / "kept", "one")
        with replacing(tmp_path / "kept"):
            raise OSError(ENOSPC, os.strerror(ENOSPC))
    # An error of reading is none of writing.
    with pytest.raises(FileNotFoundError, match="missing.txt"):
        with replacing(tmp_path / "kept"):
            (tmp_path / "missing.txt").read_text()
    assert (tmp_path / "kept" / "file").read_text() == "one"
