"""How much an evaluation may spend on explaining: a second or so, or a twentieth of what its answers took.

Counted in multiply-adds and not in seconds, so that the same evaluation shows the same examples on every machine.
"""

from dataclasses import dataclass

_ALWAYS = 40e9  # multiply-adds; about a second of one processor core
_SHARE = 0.05  # of those of all answers
BACKWARD = 3  # passes that a map by one gradient takes, forward and back


@dataclass(frozen=True)
class Work:
    """What an example takes, and how many there are.

    Attributes:
        multiply_adds: multiply-adds of one example.
        examples: number of examples of the evaluation.
    """

    multiply_adds: int
    examples: int

    @property
    def passes(self) -> int:
        """Number of forward passes of one example that may be spent.

        >>> Work(40_000_000_000, 10).passes, Work(40_000_000_000, 1000).passes
        (1, 50)
        """
        return int(max(_ALWAYS / max(self.multiply_adds, 1), _SHARE * self.examples))
