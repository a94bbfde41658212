"""The label cannot be read off a name, and spans stay where they were."""

import pytest

from demo_data.markup import Mark, MarkedText, mask_names


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("A NumPy array and a numpy.ndarray.", "A library array and a ndarray."),
        ("Use np.sum or nx.Graph.", "Use sum or Graph."),
        ("PyTorch's torch.nn.Module", "library's nn.Module"),
        ("Raises NetworkXError at once.", "Raises LibraryError at once."),
        ("Hugging Face Hub's huggingface_hub.HfApi", "library's HfApi"),
        ("is_torch_available, from_numpy", "is_library_available, from_library"),
        ("Any Python object, sympify it.", "Any library object, libraryify it."),
        ("A transformer of np and inputs.", "A transformer of library and inputs."),
        ("spaCy's TyperGroup is a click.Group.", "library's LibraryGroup is a Group."),
        ("Click on rich FileLock requests.", "library on rich FileLock requests."),
        ("TypeReference, stereotypers", "TypeReference, stereotypers"),
    ],
)
def test_names_become_one_word(text, masked):
    assert mask_names(MarkedText(text)).text == masked


def test_marks_move_along():
    text = "numpy gives a torch.Tensor to NetworkXError here"
    marks = tuple(
        Mark(text.index(name), text.index(name) + len(name), "x")
        for name in ("torch.Tensor", "NetworkXError", "here")
    )
    masked = mask_names(MarkedText(text, marks))
    assert [masked.text[mark.start : mark.end] for mark in masked.marks] == [
        "Tensor",
        "LibraryError",
        "here",
    ]
