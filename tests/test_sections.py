import pickle

from spacy_bert.sections import Mistake, MistakesError


def test_an_error_of_a_child_process_reaches_the_parent():
    mistakes = [Mistake("size: too small", ("size",)), Mistake("lang: unknown")]
    error = MistakesError(mistakes, "a block")
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == "2 mistakes in a block:\n- size: too small\n- lang: unknown"
    assert again.mistakes == error.mistakes
