"""CSV and TSV files: what a row is, which column is read, and what is refused."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_bert.corpus.documents import CorpusConfig, find_sources, read_documents


def read(path, **settings):
    corpus = CorpusConfig(path=str(path), settings=settings)
    return list(read_documents(find_sources(corpus), corpus.settings))


@pytest.fixture
def write(tmp_path):
    def write_bytes(content, name="a.csv"):
        path = tmp_path / name
        path.write_bytes(content.encode("utf8"))
        return path

    return write_bytes


def test_a_cell_may_have_lines_commas_and_quotes(write):
    path = write('id,text\r\n1,"One, ""two"".\r\n\r\nThree."\r\n\r\n2,Four\r\n')
    assert read(path) == [['One, "two".', "Three."], ["Four"]]


def test_a_tab_is_between_the_cells_of_a_tsv_file(write):
    path = write('text\tid\r\nSays "it\t1\r\n"one\rtwo"\t2\n', "a.tsv")
    assert read(path) == [['Says "it'], ['"one\rtwo"']]
    path = write('text\tid\n"one\n\ttwo"\t2\n', "a.tsv")
    assert read(path, quoted=True) == [["one", "two"]]
    with pytest.raises(ValueError, match="a.tsv, line 2: .* got 1. If cells.*quoted"):
        read(path)


def test_the_column_and_what_is_between_cells_are_settings(write):
    path = write("\ufeffbody ; n\nOne;1\nTwo;2\n")
    assert read(path, field="body", delimiter=";") == [["One"], ["Two"]]
    # More than the 131,072 characters that Python's module takes at first.
    path = write(f"text\n{'x' * 200_000}\n")
    assert [len(line) for (line,) in read(path)] == [200_000]


@pytest.mark.parametrize(
    ("content", "values", "message"),
    [
        ("id,body\n1,One\n", {}, r"one column 'text'.*got 'id \| body'.*field = "),
        ("text;id\nOne;1\n", {}, "one column 'text'.*got 'text;id'.*delimiter = "),
        ("text,text\n1,2\n", {}, r"one column 'text'.*got 'text \| text'"),
        ("text,id\nOne,1\nTwo\n", {}, "line 3: expected 2 cells.*got 1"),
        ('text,id\n"One" two,1\n', {}, "line 2: .*quoted = false"),
        ('text,id\n"One\n\n,1\n', {}, "line 4: .*quoted = false"),
        ("text\n1\n", {"delimiter": "||"}, "delimiter: expected one character"),
        ("text,id\rOne,1\rTwo,2\r", {}, "a.csv, line 1: "),
    ],
)
def test_what_is_no_table_is_refused(write, content, values, message):
    with pytest.raises(ValueError, match=message):
        read(write(content), **values)


def test_an_empty_file_has_no_documents(write):
    assert read(write("")) == read(write("text,id\n")) == []


CELLS = st.text(alphabet='ab," \r\n\t;', max_size=8)


@given(rows=st.lists(st.tuples(CELLS, CELLS), max_size=6))
@settings(deadline=None)
def test_what_python_writes_is_read_back(tmp_path_factory, rows):
    file = io.StringIO(newline="")
    csv.writer(file).writerows([("id", "text"), *rows])
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    path.write_bytes(file.getvalue().encode())
    texts = ([part.strip() for part in text.split("\n")] for _, text in rows)
    expected = [[line for line in lines if line] for lines in texts]
    assert read(path) == [lines for lines in expected if lines]
