import sys
from pathlib import Path

# At the end, so that the installed spacy_bert is tested and not the folder's.
sys.path.append(str(Path(__file__).parents[2]))
