"""Data sets of the Hugging Face `datasets` library, streamed.

`[corpus] path` is the name; [corpus.settings] has `field`, `split`, and whatever else
`datasets.load_dataset` takes, such as `name`, `revision` or `data_files`.
"""

from collections.abc import Iterator
from typing import Any

from ..sections import check_names
from .extras import import_extra
from .readers import readers
from .sources import Source

# What a shard counts if the data set does not say its size.
_N_BYTES = 1 << 26


def find_shards(path: str, *, split: str = "train", **options: Any) -> list[Source]:
    """The shards of a data set: `start` of `stop`. Its version is what the library
    tells it by: the revision and its files. Raises ValueError if there is none."""
    datasets = import_extra("datasets", extra="datasets")
    options.pop("field", None)
    try:
        builder = datasets.load_dataset_builder(path, **options)
        data = datasets.load_dataset(path, split=split, streaming=True, **options)
    except (datasets.exceptions.DatasetNotFoundError, TypeError) as error:
        raise ValueError(f"[corpus] path or [corpus.settings]: {error}") from error
    about = (builder.info.splits or {}).get(split)
    n_bytes = about.num_bytes // data.num_shards if about else _N_BYTES
    return [
        Source(
            reader="datasets",
            path=path,
            start=number,
            stop=data.num_shards,
            n_bytes=n_bytes,
            version=f"{builder.config_id} {builder.hash}",
        )
        for number in range(data.num_shards)
    ]


@readers.register("datasets")
def read_dataset(
    source: Source, *, field: str = "text", split: str = "train", **options: Any
) -> Iterator[str]:
    datasets = import_extra("datasets", extra="datasets")
    data = datasets.load_dataset(source.path, split=split, streaming=True, **options)
    for row in data.shard(num_shards=source.stop, index=source.start):
        if field not in row:
            check_names([field], row, what="column", where=f"in {source.path}")
        yield row[field]
