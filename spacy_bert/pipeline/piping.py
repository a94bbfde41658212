"""How components take a stream of Docs: some come out early, and an error costs one."""

from collections.abc import Iterable, Iterator

from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc
from spacy.util import minibatch

# On a CPU, where larger groups are no faster (benchmarks/LOG.md).
MAX_DOCS_AT_ONCE = 256


class EarlyPipe(TrainablePipe):
    """A component whose `pipe` differs from spaCy's in two ways.

    - It yields Docs after 256 of them, even if `batch_size` is larger, so that the
      progress bar of a caller moves. Not on a GPU, for which larger batches pay.
    - If a batch fails, it is tried again Doc by Doc. The error handler gets those that
      fail alone, where spaCy's gets the whole batch.
    """

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        if self.model.ops.device_type == "cpu":
            batch_size = min(batch_size, MAX_DOCS_AT_ONCE)
        for docs in minibatch(stream, size=batch_size):
            yield from _annotate(self, docs)


def _annotate(component: TrainablePipe, docs: list[Doc]) -> Iterator[Doc]:
    """Yield the Docs that do not fail. An error of any kind goes to the handler, which
    raises it unless the user has set another one."""
    try:
        component.set_annotations(docs, component.predict(docs))
    except Exception as error:
        if len(docs) == 1:
            handle = component.get_error_handler()
            handle(component.name, component, docs, error)
            return
    else:
        yield from docs
        return
    for doc in docs:
        yield from _annotate(component, [doc])
