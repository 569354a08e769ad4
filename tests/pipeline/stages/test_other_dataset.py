"""A run on another dataset: what differs is said."""

from pipeline.stages.evaluate.other_dataset import scale_warning


def test_values_that_were_scaled_in_two_ways_are_told() -> None:
    assert scale_warning("run", (0.0, 4095.0), "abroad", (0.0, 65535.0)) == (
        "run learnt from values of more than 8 bits by value_range [0, 4095], and abroad was prepared by [0, 65535]: "
        "preprocess.value_range: [0, 4095] of abroad compares like with like"
    )
    assert "prepared by [0, 4095]: preprocess.value_range: type of" in scale_warning("run", (), "abroad", (0.0, 4095.0))
    assert scale_warning("run", (0.0, 1.0), "abroad", (0.0, 1.0)) == scale_warning("run", (), "abroad", ()) == ""
