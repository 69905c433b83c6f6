"""What chapter 11 says in words stays true of its cells and of the tables."""

import contextlib
import io
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from course_lib import detection_power, fact, facts, group_gaps, group_rates, newcombe, wilson
from course_lib.tasks.groups import TwoGroups
from tests.book import cells

PAGE = Path(__file__).parents[2] / "book" / "11-skewed-data.md"
EVIDENCE = facts("bias_evidence").set_index("key")
GROUPS = ("darker_female", "darker_male", "lighter_female", "lighter_male")


def run_cells(*holding, **names):
    """Run the page's cells that hold some words, in this order: what they define and print."""
    names |= {"np": np, "pd": pd, "torch": torch, "stats": stats, "fact": fact}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        names = cells.run_cells(PAGE, *holding, **names)
    return names, printed.getvalue()


@pytest.fixture(scope="module")
def page():
    """The experiment with two groups, as far as all remedies need it."""
    steps = ("people = TwoGroups(", "SEEDS = range", "def learn(", "plain = learn(", "def lines(")
    names, _ = run_cells(*steps, "def weigh(")
    return names


def errors(page, number, share=0.1, **change):
    done = page["learn"](TwoGroups(share=share), number, **change)
    return page["exact"](done).mean(0).tolist()


# --- what is trained ---


def test_the_rare_group_pays_whichever_it_is(page):
    a, b = page["exact"](page["plain"]).mean(0).tolist()
    a_half, b_half = errors(page, 500, share=0.5)
    a_rare, b_many = errors(page, 500, share=0.9)
    assert a < a_half < a_rare and b > b_half > b_many
    assert b_half > a_half and a_rare > b_many


def test_more_of_the_same_stops_helping(page):
    _, few = errors(page, 256)
    _, many = errors(page, 16_384)
    least = page["people"].bayes_errors[1]
    assert 0 < few - many < many - least < least  # sample, rule, world


def test_weights_help_b_at_the_price_of_a_and_of_most_people(page):
    a, b = page["exact"](page["plain"]).mean(0).tolist()
    a_weighed, b_weighed = errors(page, 500, change=page["weigh"])
    assert b_weighed < b - 0.03 and a_weighed > a + 0.02
    assert 0.9 * a_weighed + 0.1 * b_weighed > 0.9 * a + 0.1 * b


def test_no_rule_that_is_not_told_the_group_does_much_better(page):
    """The best of all rules for the mean error, from the known clouds."""
    people = page["people"]
    x, y, group = TwoGroups(share=0.5).draw(100_000, seed=3)
    shares = torch.tensor([1 - people.share, people.share]).log()

    def likelihood(sign):
        near = -((x[:, None] - sign * people.middles) ** 2).sum(2) / 2
        return torch.logsumexp(near + shares, 1)

    wrong = ((likelihood(1) > likelihood(-1)).long() != y).float()
    best = [wrong[group == g].mean().item() for g in (0, 1)]
    assert page["exact"](page["plain"]).mean(0).tolist() == pytest.approx(best, abs=0.01)


def test_mirrored_people_are_as_probable_as_drawn_ones(page):
    """The augmentation is one that the population allows."""
    x, y, group = page["people"].draw(20_000, seed=5)
    mirrored, (classes, weight) = page["mirror"](x, y.float(), group)
    assert len(mirrored) == len(classes) == 2 * len(x) == weight.sum()
    for letter in (0, 1):
        for value in (0, 1):
            here = (group == letter) & (y == value)
            there = (group == letter) & (1 - y == value)
            middle = page["people"].middles[letter] * (2 * value - 1)
            for seen in (x[here], -x[there]):
                assert torch.allclose(seen.mean(0), middle, atol=0.15)


def test_the_record_prefers_the_network_that_copies_it():
    names, _ = run_cells("SEEDS = range", "def patients(", "def trained_on_record(")
    signs, need, record, group = (names[n] for n in ("signs", "need", "record", "group"))
    wrong = {}
    for word, judge in names["judges"].items():
        with torch.no_grad():
            inputs = names["seen_by"](word == "told", signs, group)
            said = (judge(inputs)[:, 0] > 0).int()
        wrong[word] = [float((said != truth).float().mean()) for truth in (record, need)]
        missed = group_rates(need, said, group.int(), "false negative")["rate"]
        if word == "told":
            assert missed[1] > 3 * missed[0]
        else:
            assert missed[1] == pytest.approx(missed[0], abs=0.03)
    assert wrong["told"][0] < wrong["not told"][0]
    assert wrong["told"][1] > wrong["not told"][1]


def test_amplification_goes_with_what_cannot_be_seen():
    names, _ = run_cells("MORE = fact(", women=None)
    women, excess = names["women"], names["excess"]
    best = [excess(-np.log(women / (1 - women)) / c, c) for c in (0.5, 0.75, 1, 2, 4)]
    assert best == sorted(best, reverse=True)
    assert best[-1] == pytest.approx(names["MORE"], abs=0.005)
    assert 100 * best[1] == pytest.approx(fact("imsitu_cooking_predicted").value, abs=2)
    assert excess(0.0, 2.0) < names["MORE"]  # a cut in the middle would not amplify


# --- what is published ---


def people_of(group):
    return int(EVIDENCE["count"][f"ppb_{group}"])


def test_the_second_audit_counts_whole_people():
    rates = EVIDENCE.filter(like="actionable_auditing_", axis=0)["value"]
    everybody = sum(people_of(group) for group in GROUPS)
    for key, rate in rates.items():
        group = next((g for g in GROUPS if key.endswith(g)), None)
        total = people_of(group) if group else everybody
        whole = round(total * rate / 100)
        assert 100 * whole / total == pytest.approx(rate, abs=0.02), key


def test_darker_women_lie_apart_from_all_other_groups():
    for vendor in ("microsoft", "facepp", "ibm"):
        ends = {}
        for group in GROUPS:
            rate = fact(f"gender_shades_{vendor}_{group}").value / 100
            total = people_of(group)
            ends[group] = wilson(round(rate * total), total)
        assert ends["darker_female"][0] > max(ends[group][1] for group in GROUPS[1:])


def test_base_rates_alone_force_most_of_the_gap_in_false_alarms():
    names, _ = run_cells("def false_positive_rate(")
    rates = {end: EVIDENCE["value"][f"compas_all_{end}"] / 100 for end in ("ppv", "fnr")}
    alarm = {
        group: names["false_positive_rate"](base, rates["ppv"], rates["fnr"])
        for group, base in names["base"].items()
    }
    seen = fact("compas_black_fpr").value - fact("compas_white_fpr").value
    assert 0.6 * seen < 100 * (alarm["black"] - alarm["white"]) < 0.9 * seen


def test_the_two_predictive_values_are_not_quite_equal():
    table = EVIDENCE.loc[["compas_black_ppv", "compas_white_ppv"], ["count", "total"]].astype(int)
    gap = group_gaps(table, reference="compas_white_ppv").iloc[0]
    assert 0 < gap["low"] < gap["high"] < 0.1


def test_trials_turned_in_sex_and_not_in_age():
    value = EVIDENCE["value"]
    assert value["trials_2013_2015_women"] < 50 < value["snapshots_2018_women"]
    assert value["trials_2013_2015_white"] > value["snapshots_2018_white"] > 50
    assert value["trials_2013_2015_65_or_older"] > value["snapshots_2018_65_or_older"]


# --- solutions ---


def test_no_error_among_forty_allows_several_per_cent():
    names, printed = run_cells("up to {wilson(0, 40)", wilson=wilson)
    assert printed.startswith("up to 6.3%")
    assert wilson(0, names["number"])[1] < 0.01 <= wilson(0, names["number"] - 1)[1]


def test_choosing_whom_to_test_makes_the_audit_nearly_sure():
    _, printed = run_cells("detection_power(0.08, 0.12", detection_power=detection_power)
    as_they_come, chosen = map(int, re.findall(r": (\d+)%", printed))
    assert 50 < as_they_come < 70 and chosen > 85


def test_an_honest_score_has_unequal_alarms_and_equal_ones_cost_meaning():
    _, printed = run_cells("risk = np.concatenate(", group_rates=group_rates)
    (before, value), (after, lower) = np.array(
        [[float(x) for x in pair] for pair in re.findall(r"A ([\d.]+), B ([\d.]+)", printed)]
    ).reshape(2, 2, 2)
    assert before[0] > before[1] + 0.1
    assert after[0] == pytest.approx(after[1], abs=0.011)
    assert value[0] == pytest.approx(value[1], abs=0.08) and lower[1] < value[1] - 0.05


def test_the_first_steps_of_the_weight_are_the_cheapest(page):
    def weighed(times):
        def heavier(x, y, group):
            return x, (y, 1.0 + (times - 1) * group)

        a, b = errors(page, 500, change=heavier)
        return b, 0.9 * a + 0.1 * b

    (b1, all1), (b4, all4), (b9, all9) = weighed(1), weighed(4), weighed(9)
    assert b1 - b4 > 0.5 * (b1 - b9)
    assert all4 - all1 < 0.6 * (all9 - all1)


def test_the_printed_interval_comes_out():
    names, _ = run_cells("from course_lib import newcombe", evidence=EVIDENCE, wilson=wilson,
                         n_of={g: people_of(g) for g in GROUPS})  # fmt: skip
    printed = EVIDENCE.loc["compas_accuracy_dressel", ["value_low", "value_high"]].to_numpy(float)
    assert [round(100 * end, 1) for end in (names["low"], names["high"])] == printed.tolist()
    low, high = newcombe(names["counts"][0], names["total"], names["counts"][1], names["total"])
    assert 0.05 < low < 0.065 and 0.17 < high < 0.19
