"""Rates of groups: additive, and those of fairlearn."""

import fairlearn.metrics as theirs
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import precision_score

from course_lib.fairness import group_gaps, group_rates, log_ratio, newcombe

FAIRLEARN = {
    "selection": theirs.selection_rate,
    "false positive": theirs.false_positive_rate,
    "false negative": theirs.false_negative_rate,
    "error": lambda t, p: float(np.mean(np.asarray(t) != np.asarray(p))),
    "base": lambda t, p: float(np.mean(t)),
    "positive predictive value": precision_score,
}


@st.composite
def decided(draw):
    """People with labels, decisions and groups, of whom every group has each kind."""
    groups = draw(st.integers(2, 4))
    kinds = [(t, p, g) for g in range(groups) for t in (0, 1) for p in (0, 1)]
    more = draw(
        st.lists(
            st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(0, groups - 1)), max_size=80
        )
    )
    return [np.array(column) for column in zip(*kinds, *more, strict=True)]


@given(decided(), st.sampled_from(sorted(FAIRLEARN)))
def test_rates_are_those_of_fairlearn(people, rate):
    labels, decisions, groups = people
    frame = theirs.MetricFrame(
        metrics=FAIRLEARN[rate], y_true=labels, y_pred=decisions, sensitive_features=groups
    )
    ours = group_rates(labels, decisions, groups, rate)
    assert ours["rate"].to_numpy() == pytest.approx(frame.by_group.to_numpy(float))
    gaps = group_gaps(ours)["difference"]
    assert frame.difference(method="between_groups") == pytest.approx(
        ours["rate"].max() - ours["rate"].min()
    )
    assert len(gaps) == len(ours) - 1


@given(decided())
def test_groups_add_up_to_the_whole(people):
    labels, decisions, groups = people
    by_group = group_rates(labels, decisions, groups)
    whole = group_rates(labels, decisions, np.zeros_like(groups)).loc[0]
    assert by_group["count"].sum() == whole["count"]
    assert by_group["total"].sum() == whole["total"] == len(labels)
    assert by_group["rate"].min() <= whole["rate"] <= by_group["rate"].max()


@given(decided())
def test_the_identity_that_sets_rates_at_odds(people):
    """Chouldechova (2017), equation 2.6, in each group."""
    found = {
        rate: group_rates(*people, rate)["rate"].to_numpy()
        for rate in ("base", "false positive", "false negative", "positive predictive value")
    }
    base, value = found["base"], found["positive predictive value"]
    right = base / (1 - base) * (1 - value) / value * (1 - found["false negative"])
    assert found["false positive"] == pytest.approx(right)


@given(decided())
def test_kinds_of_input_do_not_matter(people):
    plain = group_rates(*people)
    tensors = group_rates(*(torch.tensor(column) for column in people))
    named = group_rates(people[0], people[1], np.array(list("abcd"))[people[2]])
    lists = group_rates(*(column.tolist() for column in people))
    for other in (tensors, lists):
        pd.testing.assert_frame_equal(plain, other)
    assert named["count"].tolist() == plain["count"].tolist()
    assert named.index.tolist() == list("abcd")[: len(plain)]


def test_gaps_are_the_intervals_of_pairs():
    table = pd.DataFrame({"count": [30, 9, 0], "total": [1000, 100, 50]}, index=["A", "B", "C"])
    gaps = group_gaps(table)  # the largest group is the reference
    for group in "BC":
        pair = (table["count"][group], table["total"][group], 30, 1000)
        assert tuple(gaps.loc[group, ["low", "high"]]) == newcombe(*pair)
    assert tuple(gaps.loc["B", ["ratio_low", "ratio_high"]]) == log_ratio(9, 100, 30, 1000)
    assert gaps.loc["C", ["ratio", "ratio_low", "ratio_high"]].isna().all()
    turned = group_gaps(table, reference="B").loc["A"]
    assert turned["difference"] == pytest.approx(-gaps.loc["B", "difference"])
    assert turned["ratio"] == pytest.approx(1 / gaps.loc["B", "ratio"])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: group_rates([0, 1], [0, 1], [0]), r"groups \(1,\); allowed is one shape"),
        (lambda: group_rates([], [], []), r"allowed is one shape \(people,\)"),
        (lambda: group_rates([0, 1], [0, 1], [0, 1], "f1"), "rate is 'f1'; allowed are error"),
        (lambda: group_rates([0, 2], [0, 1], [0, 0], "base"), "labels holds .*2.*; allowed: 0, 1"),
        (lambda: group_rates([0, 0], [0, 1], ["a", "b"], "false negative"), "group a has nobody"),
        (lambda: group_gaps(pd.DataFrame({"count": [1]})), "table has no column total"),
        (
            lambda: group_gaps(pd.DataFrame({"count": [1, 1], "total": [2, 2]}), "C"),
            r"reference is 'C'; allowed are \[0, 1\]",
        ),
        (lambda: group_gaps(pd.DataFrame({"count": [1], "total": [2]})), "allowed are two"),
    ],
)
def test_errors_name_what_came(call, words):
    with pytest.raises(ValueError, match=words):
        call()
