"""Files -> documents -> sentences."""

import pytest

from spacy_bert.pretraining.corpus import (
    find_files,
    held_out_draw,
    read_documents,
    split_sentences,
)

SHARD = """
<doc id="1" url="?curid=1" title="Empty">
Empty


</doc>
<doc id="2" url="?curid=2" title="Rivers">
Rivers

A river &lt;flows&gt;. It ends.
Banks.
</doc>
<doc id="3" title="Cut">
Cut

No end here."""


def read(path):
    return [document.lines for document in read_documents(find_files(str(path)))]


def test_blank_lines_part_documents(tmp_path):
    text = "\ufeff\n\nOne.\r\nTwo. \r\n \r\n\r\nThree.\n\n\nFour."
    (tmp_path / "a.txt").write_bytes(text.encode())
    documents = list(read_documents([tmp_path / "a.txt"]))
    assert [d.lines for d in documents] == [["One.", "Two."], ["Three."], ["Four."]]
    assert sum(d.n_bytes for d in documents) == len(text.encode())


def test_wiki_shards_lose_titles_empty_documents_and_escapes(tmp_path):
    (tmp_path / "wiki_00").write_text(SHARD)
    lines = [["A river <flows>. It ends.", "Banks."], ["No end here."]]
    assert read(tmp_path) == lines


def test_files_come_in_order_from_folders_and_globs(tmp_path):
    (tmp_path / "b").mkdir()
    for name in ("b/2.txt", "a.txt", "b/1.txt", ".hidden"):
        (tmp_path / name).write_text(name)
    assert read(tmp_path) == [["a.txt"], ["b/1.txt"], ["b/2.txt"]]
    assert read(tmp_path / "b" / "*.txt") == [["b/1.txt"], ["b/2.txt"]]


def test_a_splitter_splits_each_line(tmp_path):
    (tmp_path / "a.txt").write_text("One. Two.\nThree.\n")
    (document,) = read_documents([tmp_path / "a.txt"])
    assert split_sentences(document, None) == ["One. Two.", "Three."]
    assert split_sentences(document, lambda line: line.split()) == (
        ["One.", "Two.", "Three."]
    )


def test_what_is_held_out_depends_on_the_text_alone(tmp_path):
    (tmp_path / "a.txt").write_text("\n\n".join(f"Document {i}." for i in range(2000)))
    draws = [
        held_out_draw(document) for document in read_documents([tmp_path / "a.txt"])
    ]
    assert abs(sum(draw < 0.1 for draw in draws) / 2000 - 0.1) < 0.03
    (tmp_path / "a.txt").write_text("New.\n\nDocument 7.\n")
    assert [held_out_draw(d) for d in read_documents([tmp_path / "a.txt"])][1] == draws[
        7
    ]


def test_nothing_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing at .*missing.txt"):
        find_files(str(tmp_path / "missing.txt"))
    with pytest.raises(FileNotFoundError, match="found none at"):
        find_files(str(tmp_path / "*.txt"))
    with pytest.raises(FileNotFoundError, match="found none at"):
        find_files(str(tmp_path))


def test_bytes_that_are_not_utf8_are_located(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"Fine.\nCaf\xe9 noir.\n")
    with pytest.raises(
        ValueError, match="a.txt: expected UTF-8 text, but byte 9 is not"
    ):
        read(tmp_path)
