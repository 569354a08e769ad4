"""Whether a run may stand beside the version that is in use: a paired test on the same test examples."""

from dataclasses import dataclass

from pipeline.model_registry.evidence import Evidence
from saccade.evaluate.paired_tests import NO_DIFFERENCE, PairedTest, compare_pairs, shared_metric


@dataclass(frozen=True)
class Comparison:
    """A run beside a registered version.

    Attributes:
        test: the paired test, the version first; None where none can be made.
        why_none: why none can be made, a clause; empty where there is a test.
    """

    test: PairedTest | None
    why_none: str = ""

    @property
    def is_worse(self) -> bool:
        """Whether the run is worse beyond chance."""
        return self.test is not None and self.test.verdict == "worse"


def compare_with_version(run: Evidence, version: Evidence | None) -> Comparison:
    """Compare a run with a registered version in pairs.

    Args:
        run: what is known of the run.
        version: what the version keeps of its run; None: nothing.

    Returns:
        What came of it.
    """
    if version is None:
        return Comparison(None, "it keeps no record of an evaluation: `saccade register` did not make it")
    if None in version.test_set or version.test_set != run.test_set:
        return Comparison(
            None, f"it was measured on another test set ({_named(version)}, and the run on {_named(run)})"
        )
    if version.outcomes is None or run.outcomes is None:
        return Comparison(None, "what each got on each test example was not kept")
    metric = shared_metric(run.metric, version.outcomes, run.outcomes)
    if metric is None:
        return Comparison(None, f"they have no metric in common ({version.metric} and {run.metric})")
    block_length = run.evaluated["outcomes"].get("block_length")
    return Comparison(compare_pairs(version.outcomes, run.outcomes, metric, block_length=block_length))


def in_words(comparison: Comparison) -> str:
    """What a paired test found, such as "accuracy 0.9517 against 0.9926 on the same 269 test examples, ...: worse"."""
    test = comparison.test
    if test is None:
        return comparison.why_none
    reach = "" if test.low is None else f" (95 %: {test.low:+.4f} to {test.high:+.4f})"
    chance = f"{test.method}, p {'below 0.001' if test.p < 0.001 else f'= {test.p:.3f}'}" if test.p is not None else ""
    verdict = test.verdict if test.p is not None else f"too few examples to tell, {NO_DIFFERENCE} found"
    return (
        f"{test.metric} {test.second:.4f} against {test.first:.4f} on the same {test.examples:,} test examples, "
        f"difference {test.difference:+.4f}{reach}{f', {chance}' if chance else ''}: {verdict}"
    )


def _named(evidence: Evidence) -> str:
    digest = evidence.test_set[0]
    return f"that of {evidence.trained.get('dataset', 'a dataset')}, {digest[:8] if digest else 'of no known digest'}"
