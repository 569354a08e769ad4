"""What a sequence's steps do to an answer, and what recurrent layers remember: texts, series, rows of images.

Maps over the pixels of images belong to attribution/; reading files and printing to the command.
"""

from saccade.explain.sequences.examples import Explained, explain_stored, explain_text
from saccade.explain.sequences.gradients import gradients_over_time
from saccade.explain.sequences.influence import Influence, influences, methods_for
from saccade.explain.sequences.states import LayerStates, read_states
from saccade.explain.sequences.text_features import text_features
from saccade.explain.sequences.tracking import Follower, find_followers

__all__ = [
    "Explained",
    "Follower",
    "Influence",
    "LayerStates",
    "explain_stored",
    "explain_text",
    "find_followers",
    "gradients_over_time",
    "influences",
    "methods_for",
    "read_states",
    "text_features",
]
