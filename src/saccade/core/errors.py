"""The one exception a user is meant to read."""

from typing import Any


class UserError(ValueError):
    """Something a user gave cannot be used.

    The message is one or two lines: the value, the rule it breaks, and the remedy. Commands print it without a
    traceback and end with exit code 1. Anything else that escapes is a defect of ours and keeps its traceback.
    """


class LostConnectionError(UserError):
    """Another process of the same training has ended; it, or the process that launched it, reports the reason."""


class NonFiniteError(UserError):
    """The loss of a training is NaN or infinite.

    Args:
        message: text for the user.
        found: plain values for the record: the epoch, the number of updates done, and the place where the numbers
            broke.
        batch: tensors that the network was given, on the CPU: examples, labels, and their rows in the training split.
    """

    def __init__(self, message: str, found: dict[str, Any], batch: dict[str, Any]) -> None:
        super().__init__(message)
        self.found = found
        self.batch = batch
