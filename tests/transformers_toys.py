"""A pipeline of spacy-transformers, trained for a few steps on a toy corpus."""

import spacy
from spacy.training import Example
from thinc.api import fix_random_seed

TEXTS = [
    "Anna lives in Paris .",
    "The river bank sat on money by the city of Rome .",
    "Bob went to Berlin with Anna .",
    "no names are here , only words",
]
NAMES = {"Anna": "PERSON", "Bob": "PERSON", "Paris": "CITY", "Berlin": "CITY"}

LISTENER = {
    "@architectures": "spacy-transformers.TransformerListener.v1",
    "grad_factor": 1.0,
    "upstream": "*",
    "pooling": {"@layers": "reduce_mean.v1"},
}
REDUCE = {
    "@architectures": "spacy.TextCatReduce.v1",
    "exclusive_classes": True,
    "use_reduce_first": False,
    "use_reduce_last": False,
    "use_reduce_max": False,
    "use_reduce_mean": True,
    "tok2vec": LISTENER,
}
ENSEMBLE = {
    "@architectures": "spacy.TextCatEnsemble.v2",
    "tok2vec": LISTENER,
    "linear_model": {
        "@architectures": "spacy.TextCatBOW.v3",
        "exclusive_classes": False,
        "length": 1024,
        "ngram_size": 1,
        "no_output_layer": False,
    },
}
TRANSITIONS = {
    "@architectures": "spacy.TransitionBasedParser.v2",
    "tok2vec": LISTENER,
    "extra_state_tokens": False,
    "hidden_width": 16,
    "maxout_pieces": 2,
    "use_upper": False,
}
TAGGER = {"@architectures": "spacy.Tagger.v2", "tok2vec": LISTENER}
HEADS = {
    "ner": {"model": {**TRANSITIONS, "state_type": "ner"}},
    "parser": {
        "min_action_freq": 1,
        "model": {**TRANSITIONS, "state_type": "parser"},
    },
    "textcat": {"model": REDUCE},
    "tagger": {"model": TAGGER},
    "morphologizer": {"model": TAGGER},
    "spancat": {
        "spans_key": "sc",
        "threshold": 0.1,
        "suggester": {"@misc": "spacy.ngram_suggester.v1", "sizes": [1, 2]},
        "model": {
            "@architectures": "spacy.SpanCategorizer.v1",
            "tok2vec": LISTENER,
            "reducer": {"@layers": "spacy.mean_max_reducer.v1", "hidden_size": 8},
            "scorer": {"@layers": "spacy.LinearLogistic.v1"},
        },
    },
    # Last: spacy-transformers cannot send an ensemble's gradient on otherwise.
    "textcat_multilabel": {"model": ENSEMBLE},
}


def transformer_config(path, **changes):
    """The component's config, with changes in its model."""
    return {
        "model": {
            "@architectures": "spacy-transformers.TransformerModel.v3",
            "name": str(path),
            "tokenizer_config": {"use_fast": True},
            "get_spans": {
                "@span_getters": "spacy-transformers.strided_spans.v1",
                "window": 128,
                "stride": 96,
            },
            **changes,
        }
    }


def make_examples(nlp):
    examples = []
    for text in TEXTS:
        words = text.split()
        starts = [sum(len(w) + 1 for w in words[:i]) for i in range(len(words))]
        entities = [
            (start, start + len(word), NAMES[word])
            for word, start in zip(words, starts, strict=True)
            if word in NAMES
        ]
        gold = {
            "words": words,
            "entities": entities,
            "spans": {"sc": entities},
            "cats": {"NAMES": float(bool(entities)), "NONE": float(not entities)},
            "tags": ["X" if word in NAMES else "O" for word in words],
            "pos": ["PROPN" if word in NAMES else "NOUN" for word in words],
            "morphs": ["Number=Sing" for _ in words],
            "heads": [max(i - 1, 0) for i in range(len(words))],
            "deps": ["ROOT", *("dep" for _ in words[1:])],
        }
        examples.append(Example.from_dict(nlp.make_doc(text), gold))
    return examples


def make_old(path, *heads, n_steps=30, **changes):
    """A trained pipeline of spacy-transformers over the BERT in a folder."""
    fix_random_seed(0)
    nlp = spacy.blank("xx")
    nlp.add_pipe("transformer", config=transformer_config(path, **changes))
    for head in heads:
        nlp.add_pipe(head, config=HEADS[head])
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.05
    # Learning with so few steps needs vectors that stay as they are.
    frozen = {"exclude": ["transformer"], "annotates": ["transformer"]}
    for _ in range(n_steps):
        nlp.update(examples, sgd=optimizer, **frozen)
    return nlp


def annotations(doc):
    """What the heads say of a Doc, apart from the numbers."""
    return (
        [(ent.text, ent.label_) for ent in doc.ents],
        [(span.text, span.label_) for span in doc.spans.get("sc", [])],
        [(t.tag_, t.pos_, str(t.morph), t.dep_, t.head.i) for t in doc],
    )
