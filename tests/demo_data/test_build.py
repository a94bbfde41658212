"""The whole build on small packages: layout, sides, sameness, errors."""

import json
import shutil
from pathlib import Path

import pytest
import spacy
from demo_packages import make_packages
from spacy.tokens import Doc, DocBin

from demo_data.build import DemoCounts, build_demo_data
from demo_data.packages import find_packages, side_of

FILES = ("corpus/train.txt", "train.spacy", "dev.spacy", "test.spacy", "manifest.json")


def read_docs(path: Path) -> list[Doc]:
    return list(DocBin().from_disk(path).get_docs(spacy.blank("xx").vocab))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, DemoCounts]:
    folder = tmp_path_factory.mktemp("demo")
    packages = make_packages(folder / "site")
    lines: list[str] = []
    counts = build_demo_data(folder / "a", packages=packages, progress=lines.append)
    assert any("numpy 1.0" in line for line in lines)
    return folder, counts


def test_all_docs_carry_all_annotations(built):
    folder, counts = built
    for side in ("train", "dev", "test"):
        docs = read_docs(folder / "a" / f"{side}.spacy")
        assert len(docs) == sum(counts.n_docs[side].values()) > 0
        for doc in docs:
            assert sorted(doc.cats.values()) == [0.0, 1.0]
            assert doc.has_annotation("ENT_IOB")
            assert "sc" in doc.spans
            assert 15 <= len(doc) <= 120
            assert "numpy" not in doc.text and "torch" not in doc.text
            assert "`" not in doc.text


def test_mentions_and_types(built):
    folder, _ = built
    doc = read_docs(folder / "a" / "train.spacy")[0]
    labels = {(ent.text, ent.label_) for ent in doc.ents}
    assert {("scale", "PARAMETER"), ("ValueError", "EXCEPTION")} <= labels
    spans = {(span.text, span.label_) for span in doc.spans["sc"]}
    assert {("list of str or None", "TYPE_EXPR"), ("str", "TYPE")} <= spans
    assert {("int", "TYPE_EXPR"), ("int", "TYPE")} <= spans


def test_no_module_stands_on_two_sides(built):
    folder, _ = built
    corpus = (folder / "a" / "corpus" / "train.txt").read_text(encoding="utf8")
    docs = {
        side: " ".join(doc.text for doc in read_docs(folder / "a" / f"{side}.spacy"))
        for side in ("train", "dev", "test")
    }
    for package in ("numpy", "torch"):
        for path in (folder / "site" / package).glob("*.py"):
            side = side_of(f"{package}.{path.stem}")
            thing = "stone" if package == "numpy" else "leaf"
            sentence = f"Weigh the {thing} that the {path.stem} keeps"
            assert [name for name in docs if sentence in docs[name]] == [side]
            assert (sentence in corpus) == (side == "train")


def test_the_corpus_is_documents_of_sentences(built):
    folder, counts = built
    text = (folder / "a" / "corpus" / "train.txt").read_text(encoding="utf8")
    documents = [document.splitlines() for document in text.strip().split("\n\n")]
    assert len(documents) == counts.n_corpus_documents
    assert sum(map(len, documents)) == counts.n_corpus_sentences
    assert all(len(document) > 1 and all(document) for document in documents)


def test_a_second_build_gives_the_same_bytes(built):
    folder, _ = built
    packages = make_packages(folder / "elsewhere")
    build_demo_data(folder / "b", packages=packages, progress=print)
    for name in FILES:
        assert (folder / "a" / name).read_bytes() == (folder / "b" / name).read_bytes()
    assert str(folder) not in (folder / "b" / "manifest.json").read_text()


def test_an_earlier_build_is_replaced_by_force_alone(built, tmp_path):
    folder, _ = built
    shutil.copytree(folder / "a", tmp_path / "data")
    packages = make_packages(tmp_path / "elsewhere")

    def build(force):
        build_demo_data(
            tmp_path / "data", packages=packages, progress=print, force=force
        )

    with pytest.raises(FileExistsError, match="manifest.json exists already.*--force"):
        build(False)
    (tmp_path / "data" / "manifest.json").write_text("{}")
    with pytest.raises(FileExistsError, match="is not the manifest"):
        build(True)
    (tmp_path / "data" / "manifest.json").unlink()
    with pytest.raises(FileExistsError, match="train.txt is of no earlier build"):
        build(True)
    shutil.copy(folder / "a" / "manifest.json", tmp_path / "data")
    (tmp_path / "data" / "train.spacy").write_bytes(b"")
    build(True)
    for name in FILES:
        after = (tmp_path / "data" / name).read_bytes()
        assert after == (folder / "a" / name).read_bytes()


def test_the_manifest_holds_the_counts(built):
    folder, counts = built
    manifest = json.loads((folder / "a" / "manifest.json").read_text())
    assert manifest["versions"] == {"numpy": "1.0", "torch": "1.0"}
    assert manifest["n_docs"] == counts.n_docs
    assert "Docs:" in str(counts)


def test_small_packages_share_a_category(tmp_path):
    things = {"numpy": "stone", "click": "leaf", "rich": "pebble"}
    packages = make_packages(tmp_path / "site", things)
    counts = build_demo_data(tmp_path / "a", packages=packages, progress=print)
    for side in ("train", "dev", "test"):
        docs = read_docs(tmp_path / "a" / f"{side}.spacy")
        assert {tuple(doc.cats) for doc in docs} == {("numpy", "other")}
        for thing, category in (("stone", "numpy"), ("leaf", "other")):
            about = [doc for doc in docs if f"Weigh the {thing}" in doc.text]
            assert about and all(doc.cats[category] == 1.0 for doc in about)
    assert counts.n_docstrings.keys() == things.keys()


def test_what_is_not_installed_is_named():
    with pytest.raises(ModuleNotFoundError, match="pip install no_such_package"):
        find_packages(["python", "no_such_package"])


def test_the_standard_library_is_found_without_importing():
    (package,) = find_packages(["python"])
    assert (package.root / "json" / "decoder.py").is_file()
