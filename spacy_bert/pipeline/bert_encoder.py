"""The spaCy component `bert_encoder`: a Tok2Vec whose vectors come from BERT.

`spacy.Tok2VecListener.v1` and the listeners of `listeners` listen to it. While
predicting, `doc.tensor` holds the token vectors, `doc._.bert_cls` and
`doc._.bert_pooled` the [CLS] vector without and with the pooler; while training, each
listener gets the vectors and hands a gradient back.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from multiprocessing import parent_process
from pathlib import Path
from threading import get_ident
from typing import Any

import spacy.util
import srsly
from spacy.language import Language
from spacy.pipeline.tok2vec import Tok2VecListener
from spacy.tokens import Doc
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Model, Optimizer, set_dropout_rate
from thinc.types import Floats2d

from ..checkpoint.resolving import resolve_checkpoint
from .architectures import DEFAULT_VOCAB_SIZE
from .config_errors import takes_config
from .doc_vectors import set_doc_vectors
from .encoding import Encoded, check_trainable, encode_docs, get_shim
from .foreign_listeners import check_connected
from .forking import survive_forks
from .frozen import Builder
from .linking import LinkedTok2Vec
from .listeners import drop_batch, get_vector_kind, hand_over
from .pending import PendingGradient
from .piping import EarlyPipe
from .segments import warn_of_unread_pairs
from .similarity import set_similarity_hooks
from .trf_data import WindowCollector, check_installed, set_trf_data
from .vocabularies import check_settings, make_vocabulary

survive_forks()

DEFAULT_CONFIG: dict[str, Any] = {
    "model": {"@architectures": "spacy-bert.BertEncoder.v1"},
    "save_cls": False,
    "similarity_hooks": True,
    "trf_data": False,
}


@Language.factory(
    "bert_encoder",
    assigns=["doc.tensor", "doc._.bert_cls", "doc._.bert_pooled"],
    default_config=DEFAULT_CONFIG,
)
@takes_config
def make_bert_encoder(
    nlp: Language,
    name: str,
    model: Model[list[Doc], list[Floats2d]],
    save_cls: bool,
    similarity_hooks: bool,
    trf_data: bool,
) -> "BertTok2Vec":
    encoder = BertTok2Vec(
        nlp.vocab,
        model,
        name,
        save_cls=save_cls,
        similarity_hooks=similarity_hooks,
        trf_data=trf_data,
    )
    encoder.builder = Builder(nlp)
    return encoder


class BertTok2Vec(EarlyPipe, LinkedTok2Vec):
    """Shares one BERT between the components that listen to it.

    model: made by `spacy-bert.BertEncoder.v1`.
    save_cls: whether `doc._.bert_cls`, `bert_pooled` and `bert_source` are saved with a
        Doc, in its user_data.
    similarity_hooks: whether Docs compare by these vectors. spaCy warns in
        `doc.to_bytes` that hooks are not saved.
    trf_data: whether `doc._.trf_data` is set, as spacy-transformers sets it, for
        components that read it. Raises ValueError if that is not installed.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Model[list[Doc], list[Floats2d]],
        name: str = "bert_encoder",
        *,
        save_cls: bool = False,
        similarity_hooks: bool = True,
        trf_data: bool = False,
    ) -> None:
        if trf_data:
            check_installed(name)
        get_shim(model, component=name)  # Refuses other architectures.
        super().__init__(vocab, model, name)
        self.builder: Builder | None = None
        self.save_cls = save_cls
        self.similarity_hooks = similarity_hooks
        self.trf_data = trf_data
        self._pending: PendingGradient | None = None

    @takes_config
    def find_listeners(self, component: Any) -> None:
        """Raises ValueError if `spacy train`, which asks for them first, would never
        give this encoder weights."""
        builder = self.builder
        if builder and builder.is_loading and not get_shim(self.model).has_weights:
            builder.check_frozen(self.name)
        super().find_listeners(component)

    def find_pipeline(self, component: Any) -> Language | None:
        return self.builder.find_pipeline(self, component) if self.builder else None

    def predict(self, docs: Iterable[Doc]) -> Encoded:
        self._finish_trained()
        docs = list(docs)
        collector = WindowCollector(len(docs)) if self.trf_data else None
        encoded, _ = encode_docs(self.model, docs, is_train=False, keep=collector)
        return replace(encoded, windows=collector.windows) if collector else encoded

    def set_annotations(self, docs: Sequence[Doc], encoded: Encoded) -> None:
        """Copies, so that no Doc keeps the vectors of its whole batch in memory: those
        of a Doc that is most of its batch are shared with it."""
        if encoded.windows is not None:
            set_trf_data(docs, encoded.windows, get_shim(self.model))
        n_tokens = sum(len(doc) for doc in docs)
        for i, doc in enumerate(docs):
            tokens, is_most = encoded.tokens[i], 2 * len(doc) > n_tokens
            doc.tensor = tokens if is_most else tokens.copy()  # type: ignore[assignment]
            if not len(doc) and not doc.vocab.vectors.size:
                # spaCy's own would have the width of the vocabulary's vectors, 0.
                doc.vector = self.model.ops.alloc1f(tokens.shape[1])
            set_doc_vectors(
                doc,
                save=self.save_cls,
                bert_cls=encoded.cls[i].copy(),
                bert_pooled=encoded.pooled[i].copy(),
                bert_source=self.name,
            )
            # spaCy sends a worker's Docs back without hooks, and warns of each.
            if self.similarity_hooks and parent_process() is None:
                set_similarity_hooks(doc)

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optimizer | None = None,
        losses: dict[str, float] | None = None,
    ) -> dict[str, float]:
        """Encode, and wait for the listeners' gradients.

        Once the last of them is there it goes through the encoder. An optimizer that
        comes sooner, here or in `finish_update`, steps then.
        """
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        examples = list(examples)
        validate_examples(examples, "BertTok2Vec.update")
        self._finish_pending()
        docs = [example.predicted for example in examples]
        set_dropout_rate(self.model, drop)
        encoded, backprop = encode_docs(self.model, docs, is_train=True)
        self.unsign_listeners()
        if not self.listeners:
            return losses
        self._pending = pending = PendingGradient(
            backprop=backprop, n_missing=len(self.listeners), losses=losses, sgd=sgd
        )
        for listener in self.listeners:
            hand_over(
                listener,
                docs,
                getattr(encoded, get_vector_kind(listener)),
                partial(self._receive_gradient, pending, listener),
            )
        return losses

    def use_params(self, params: dict[Any, Any]) -> Iterator[None]:
        self._finish_trained()
        yield from super().use_params(params)

    def finish_update(self, sgd: Optimizer) -> None:
        if self._pending is not None and not self._pending.gradients:
            # nlp.update(..., sgd=...) asks right after update(), before any listener
            # has given its gradient.
            self._pending.sgd = sgd
            return
        self._finish_pending()
        self.model.finish_update(sgd)

    @takes_config
    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        checkpoint: str | Path | None = None,
        vocabulary: str | Path | None = None,
        vocab_size: int = DEFAULT_VOCAB_SIZE,
        lowercase: bool | None = None,
        strip_accents: bool | None = None,
        split_chinese: bool | None = None,
        reinitialize_layers: int = 0,
    ) -> None:
        """Give the encoder weights.

        checkpoint: a folder in the Hugging Face BERT layout, or a name on the Hugging
            Face Hub, as `add_encoder` takes them. Without it, weights that are already
            there stay; if there are none, they are drawn at random.
        vocabulary: for random weights, a `vocab.txt`. Without it, one of at most
            `vocab_size` pieces is learned from the examples.
        lowercase, strip_accents, split_chinese: how text is read, by default as the
            checkpoint says. Without one, text is lower-cased and Chinese characters are
            split; accents are stripped with `lowercase`, unless a piece of `vocabulary`
            has one, or, if it is learned, they tell words apart in the language of the
            pipeline.
        reinitialize_layers: draw so many layers from the top, and the pooler, again,
            which makes fine-tuning on few examples steadier (Zhang et al. 2021,
            "Revisiting Few-sample BERT Fine-tuning", section 4).

        Raises ValueError if the checkpoint is of another architecture than the
        config's or a head listens to a component that is not there, and
        FileNotFoundError or ValueError if the checkpoint is incomplete.
        """
        validate_get_examples(get_examples, "BertTok2Vec.initialize")
        shim = get_shim(self.model)
        check_trainable(shim)
        settings = {
            "lowercase": lowercase,
            "strip_accents": strip_accents,
            "split_chinese": split_chinese,
        }
        if checkpoint is not None and vocabulary is not None:
            raise ValueError(
                f"[initialize.components.{self.name}] vocabulary: expected none with a "
                f"checkpoint, which has its own, got {str(vocabulary)!r}."
            )
        if checkpoint is not None:
            path = resolve_checkpoint(checkpoint)
            shim.load(path, component=self.name, **settings)
        elif shim.has_weights:
            check_settings(shim.tokenizer, settings, component=self.name)
        else:
            tokenizer = make_vocabulary(
                vocabulary,
                (example.reference.text for example in get_examples()),
                vocab_size=vocab_size,
                lang=self.vocab.lang,
                lowercase=lowercase is not False,
                strip_accents=strip_accents,
                split_chinese=split_chinese is not False,
            )
            shim.start_at_random(tokenizer)
        shim.reinitialize_layers(reinitialize_layers)
        texts = (example.reference.text for example in islice(get_examples(), 100))
        warn_of_unread_pairs(texts, self.model.attrs["pair_separator"])
        if nlp is not None:
            # Now that there are weights, listeners of another width are refused.
            for _, component in nlp.pipeline[nlp.pipe_names.index(self.name) + 1 :]:
                self.find_listeners(component)
            check_connected(nlp, self.name, width=self.model.get_dim("nO"))

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        self.sign_listeners()
        data: bytes = super().to_bytes(exclude=exclude)
        return data

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """A folder whose `model` is a checkpoint that `transformers` loads too."""
        self.sign_listeners()
        shim = get_shim(self.model)
        writers: dict[str, Callable[[Path], Any]] = {
            "cfg": lambda p: srsly.write_json(p, self.cfg)
        }
        if shim.has_weights:
            writers["model"] = shim.save
        spacy.util.to_disk(path, writers, exclude)

    def from_disk(
        self, path: str | Path, *, exclude: Iterable[str] = ()
    ) -> "BertTok2Vec":
        def load_model(folder: Path) -> None:
            # A pipeline may be saved before it has weights.
            if folder.exists():
                get_shim(self.model).load(folder, component=self.name)

        readers: dict[str, Callable[[Path], Any]] = {
            "cfg": lambda p: self.cfg.update(srsly.read_json(p)),
            "model": load_model,
        }
        spacy.util.from_disk(path, readers, exclude)
        if self.builder is not None:
            self.builder.is_loading = False
        return self

    def _receive_gradient(
        self, pending: PendingGradient, listener: Tok2VecListener, gradient: Any
    ) -> list[Doc]:
        """What each listener calls with its gradient: of tokens, one array a Doc."""
        if pending is not self._pending:
            return []
        # Its vectors are out of date once the encoder steps.
        drop_batch(listener)
        pending.add(listener, gradient)
        if pending.n_missing == 0:
            self._finish_pending()
        return []

    def _finish_trained(self) -> None:
        """Take the step of a batch of which some listeners are not trained, so that
        their gradients never come.

        Only in the thread that trains: to another one, a batch between the gradients of
        two heads looks the same.
        """
        pending = self._pending
        if pending and pending.gradients and pending.thread == get_ident():
            self._finish_pending()

    def _finish_pending(self) -> None:
        """Send what gradients there are through the encoder, and let the batch go."""
        pending, self._pending = self._pending, None
        if pending is None:
            return
        for listener in self.listeners:
            drop_batch(listener)
        pending.send_back(self.name)
        if pending.sgd is not None:
            self.model.finish_update(pending.sgd)
