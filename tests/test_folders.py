import pytest

from spacy_bert.folders import recover, replacing


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
