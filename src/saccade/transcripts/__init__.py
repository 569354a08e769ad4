"""Lines that were read: from what a network says at each step to a text, and how far it is from what stands there.

Networks that say it are in models/, what the task shows of it in tasks/transcribe.py.
"""
