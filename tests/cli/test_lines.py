"""Messages on a terminal of 80 columns."""

from spacy_bert.cli.lines import write_line


def test_long_messages_are_wrapped_and_rows_are_not(capsys):
    path = "folder/" * 20
    row = "  0" * 40
    write_line("word " * 30 + path)
    write_line(row)
    *words, last, table = capsys.readouterr().out.splitlines()
    assert all(len(line) <= 80 for line in words) and len(words) == 2
    assert last == path and table == row
