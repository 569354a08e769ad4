"""The one exception a user is meant to read."""


class UserError(ValueError):
    """Something a user gave cannot be used.

    The message is one or two lines: the value, the rule it breaks, and the remedy. Commands print it without a
    traceback and end with exit code 1. Anything else that escapes is a defect of ours and keeps its traceback.
    """


class LostConnectionError(UserError):
    """Another process of the same training has ended; why, it has said itself or whoever launched it says."""
