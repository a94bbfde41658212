"""Files -> documents -> sentences."""

import pytest

from spacy_bert.corpus.documents import CorpusConfig, find_sources, read_documents
from spacy_bert.corpus.held_out import split_hash
from spacy_bert.corpus.sources import find_files

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
    return list(read_documents(find_sources(CorpusConfig(path=str(path))), {}))


def test_blank_lines_part_documents(tmp_path):
    text = "\ufeff\n\nOne.\r\nTwo. \r\n \r\n\r\nThree.\n\n\nFour."
    (tmp_path / "a.txt").write_bytes(text.encode())
    assert read(tmp_path) == [["One.", "Two."], ["Three."], ["Four."]]


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


def test_what_is_held_out_depends_on_the_text_alone(tmp_path):
    (tmp_path / "a.txt").write_text("\n\n".join(f"Document {i}." for i in range(2000)))
    hashes = [split_hash(lines) for lines in read(tmp_path)]
    assert abs(sum(hashed < 0.1 for hashed in hashes) / 2000 - 0.1) < 0.03
    (tmp_path / "a.txt").write_text("New.\n\nDocument 7.\n")
    assert split_hash(read(tmp_path)[1]) == hashes[7]


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
