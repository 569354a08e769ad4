"""The one exception a user is meant to read."""

from typing import Any


class UserError(ValueError):
    """Something a user gave cannot be used.

    The message is one or two lines: the value, the rule it breaks, and the remedy. Commands print it without a
    traceback and end with exit code 1. Anything else that escapes is a defect of ours and keeps its traceback.
    """


class LostConnectionError(UserError):
    """Another process of the same training has ended; why, it has said itself or whoever launched it says."""


class NonFiniteError(UserError):
    """The loss of a training is NaN or infinite.

    Args:
        message: for the user.
        found: for the record, plain values: the epoch, how many updates were done, and where the numbers broke.
        batch: what the network was given: examples, labels, and the rows of the training split they are; on the CPU.
    """

    def __init__(self, message: str, found: dict[str, Any], batch: dict[str, Any]) -> None:
        super().__init__(message)
        self.found = found
        self.batch = batch
