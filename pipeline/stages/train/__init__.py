"""The stage train: one training led or helped along, its journal, checkpoints and results.

What decides its numbers belongs to saccade.train; launching it in one or several processes belongs to launch/.
"""
