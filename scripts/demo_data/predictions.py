"""The default run's pipeline -> what it says of three descriptions, printed.

python scripts/demo_data/predictions.py en_docs_bert
"""

import sys

import spacy
from wasabi import msg

# Written in the manner of the packages' documentation; none is in the data.
TEXTS = (
    "Returns the shortest path between source and target. weight (str or None): the "
    "edge attribute that holds the length of an edge. Raises NodeNotFound if source is "
    "not in the graph.",
    "timeout (float, optional): the number of seconds to wait for the server. Raises "
    "TimeoutError if no answer has come by then.",
    "axis (int or tuple of ints, optional): the axis along which the array is summed. "
    "ValueError is raised if axis is out of range.",
)


def print_predictions(pipeline: str) -> None:
    """Load an installed package (or a folder) and show its categories and spans."""
    nlp = spacy.load(pipeline)
    msg.info(f"{pipeline} from {nlp.path}")
    for doc in nlp.pipe(TEXTS):
        print(f"\n{doc.text}")
        best = max(doc.cats, key=lambda label: doc.cats[label])
        print(f"  textcat  {best} ({doc.cats[best]:.2f})")
        for name, spans in (("ner", doc.ents), ("spancat", doc.spans.get("sc", []))):
            for span in spans:
                print(f"  {name:<8} {span.label_:<10} {span.text}")


if __name__ == "__main__":
    print_predictions(sys.argv[1])
