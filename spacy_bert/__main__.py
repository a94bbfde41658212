"""`python -m spacy_bert`, for torchrun: the console script `spacy-bert`."""

from .cli import main

if __name__ == "__main__":
    main()
