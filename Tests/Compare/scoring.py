# This source file is part of the Loopwatch project
# SPDX-License-Identifier: Apache-2.0
"""What was found, missed and made up by one tool, and whether that is what is required of ours."""

import statistics
import types
import unittest

from matching import MARGIN, Report, Stretch, match
from workload import HARMLESS, LONG, THRESHOLD, Step

# From a beat above the threshold on, nothing may be missed.
BEAT = 0.01
ERROR_MEAN_MOST_MS = 0.5
ACCOUNTED_ERROR_WORST_MOST_MS = 1.0
FIRST_MOST_MS = 3.0
IDLE_SHARE_OF_TIMER_MOST = 0.5


def quantile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


class Score:
    """The rounds of one tool together."""

    def __init__(self, tool):
        self.tool = tool
        self.by_length = {}
        self.near_found = self.near_expected = 0
        self.missed, self.false = [], []
        self.errors, self.firsts, self.long_firsts, self.long_reports = [], [], [], []
        self.flood_count = self.flood_named = self.flood_seen = 0
        self.flood_kinds = []
        self.false_counts = {"between": 0, "healthy": 0, "loaded": 0}
        self.excused = self.machine = self.shortened = 0
        self.idle = []
        # Of those that are compared with the timer: in turns with it, because what a wake-up costs changes with the minute.
        self.idle_turns = []
        self.problems = []

    def add(self, steps, stretches, reports, spans, idle):
        """Adds a round: what was done, what was true, what was said."""
        asked = {step.identifier: step for step in steps}
        # What a host does while it starts blocks it, too, and nobody measures that.
        spans = dict(spans)
        start, _ = spans.pop("all")
        reports = [report for report in reports if report.at >= start]
        stretches = [
            stretch
            for stretch in stretches
            if stretch.what in ("FLOOD", "CUT") or stretch.seconds >= THRESHOLD - MARGIN
        ]
        findings, left = match(stretches, reports)
        for finding in findings:
            stretch = finding.stretch
            if stretch.what == "FLOOD":
                self.add_flood(finding)
            elif stretch.what == "LATE":
                blamed = [report for report in finding.reports if report.kind != "machine"]
                self.machine += len(finding.reports) - len(blamed)
                if blamed:
                    self.excused += 1
                    self.add_false(blamed, spans)
            elif stretch.kind in ("pulse", "post") or stretch.identifier not in asked:
                continue
            elif asked[stretch.identifier].seconds < THRESHOLD:
                # It took longer than it was to, so it may be told.
                continue
            elif stretch.what == "CUT" or stretch.seconds >= THRESHOLD:
                self.shortened += stretch.what == "CUT"
                self.add_block(finding, asked[stretch.identifier])
        for group in left:
            if group[0].kind in ("machine", "interruption"):
                self.machine += 1
            else:
                self.add_false(group, spans)
        if idle is not None:
            self.idle.append(idle)

    def add_block(self, finding, step):
        counts = self.by_length.setdefault(step.seconds, [0, 0])
        counts[1] += 1
        if not finding.is_found:
            self.missed.append(f"{finding.stretch.kind} {finding.stretch.seconds * 1000:.1f} ms ({step.identifier})")
            return
        counts[0] += 1
        if finding.error is not None:
            self.errors.append(finding.error * 1000)
        first = finding.first_after(THRESHOLD) * 1000
        self.firsts.append(first)
        if step.seconds == LONG:
            self.long_firsts.append(first)
            self.long_reports.append(len(finding.reports))

    def add_flood(self, finding):
        kinds = {report.kind for report in finding.reports}
        self.flood_count += 1
        # Beside it one of the jobs may be told to have been held up by the machine.
        self.flood_named += "congestion" in kinds and "stall" not in kinds
        self.flood_seen += bool(kinds)
        if "stall" in kinds:
            self.flood_kinds.append(f"{finding.stretch.identifier} as {'/'.join(sorted(kinds))}")

    def add_false(self, group, spans):
        where = next((name for name, (began, ended) in spans.items() if began <= group[0].at <= ended + 0.3), "between")
        self.false_counts[where] += 1
        self.false.append((where, group))

    @property
    def found(self):
        return sum(found for found, _ in self.by_length.values())

    @property
    def expected(self):
        return sum(expected for _, expected in self.by_length.values())

    def row(self):
        errors = [abs(error) for error in self.errors]
        floods = f"{self.flood_named}/{self.flood_count}" if self.tool.names_floods else "-"
        if self.flood_named < self.flood_count:
            floods += f" ({self.flood_seen} seen)"
        return [
            self.tool.label + self.tool.marks,
            f"{100 * self.found / self.expected:.0f} % ({self.found}/{self.expected})" if self.expected else "-",
            str(self.false_counts["healthy"] + self.false_counts["between"]), str(self.false_counts["loaded"]),
            f"{statistics.mean(errors):.2f}" if errors else "-",
            f"{quantile(errors, 0.95):.2f}" if errors else "-",
            f"{max(errors):.2f}" if errors else "-",
            f"{statistics.mean(self.firsts):.1f}" if self.firsts else "-",
            f"{max(self.firsts):.1f}" if self.firsts else "-",
            f"{statistics.mean(self.long_firsts):.1f}" if self.long_firsts else "-",
            f"{statistics.mean(self.long_reports):.1f}" if self.long_reports else "-",
            floods if self.flood_count else "-",
            f"{statistics.mean(self.idle):.2f}" if self.idle and not self.tool.is_model else "-",
        ]

    def row_by_length(self, lengths):
        cells = []
        for length in lengths:
            found, expected = self.by_length.get(length, (0, 0))
            cells.append(f"{found}/{expected}" if expected else "-")
        return [self.tool.label, *cells]

    def requirements(self, timer_turns=()):
        """What is required of ours: a text, and whether it is met. With the timer's turns at being idle, that as well."""
        certain = [counts for length, counts in self.by_length.items() if length >= THRESHOLD + BEAT]
        found, expected = (sum(counts[place] for counts in certain) for place in (0, 1))
        errors = [abs(error) for error in self.errors]
        false = sum(self.false_counts.values())
        yield f"recall from {1000 * (THRESHOLD + BEAT):.0f} ms up: {found} of {expected}", found == expected > 0
        yield f"false positives: {false}", false == 0
        if errors:
            mean, worst = statistics.mean(errors), max(errors)
            yield f"mean error {mean:.2f} ms of at most {ERROR_MEAN_MOST_MS}", mean <= ERROR_MEAN_MOST_MS
            if self.tool.name == "pool-accounted":
                most = ACCOUNTED_ERROR_WORST_MOST_MS
                yield f"worst error {worst:.2f} ms of at most {most}", worst <= most
        if self.firsts:
            worst = max(self.firsts)
            text = f"first report {worst:.1f} ms after the threshold at worst, 95th {quantile(self.firsts, 0.95):.1f}"
            yield f"{text}, of at most {FIRST_MOST_MS}", worst <= FIRST_MOST_MS
        if self.flood_count:
            text = f"floods named congestion: {self.flood_named} of {self.flood_count}"
            yield text, self.flood_named == self.flood_count
        if self.idle_turns and timer_turns:
            idle, timer = statistics.median(self.idle_turns), statistics.median(timer_turns)
            text = f"idle with {self.tool.targets} targets, in turns with a bare timer: {idle:.2f} % of a core, {timer:.2f} %"
            yield text, idle <= timer * IDLE_SHARE_OF_TIMER_MOST

    def quick_problems(self):
        """What is wrong even on a machine that is busy with other things."""
        problems = [f"missed: {text}" for text in self.missed]
        if self.expected == 0:
            problems.append("nothing was expected, so nothing is proved")
        late = self.excused
        for where, group in self.false:
            if where != "between" and late > 0:
                late -= 1
                continue
            problems.append(f"not true ({where}): {group[-1]}")
        if self.flood_seen < self.flood_count:
            problems.append(f"{self.flood_count - self.flood_seen} of {self.flood_count} floods were not told of")
        return [f"{self.tool.name}: {problem}" for problem in problems]


class ScoringTests(unittest.TestCase):
    tool = types.SimpleNamespace(
        name="some", label="Some", marks="", names_floods=True, is_model=False, targets=1, is_ours=True
    )

    def score(self, stretches, reports):
        score = Score(self.tool)
        steps = [
            Step("block", "1", 0, 0.08, "sleep"), Step("block", "2", 0, LONG, "sleep"),
            Step("block", "3", 0, HARMLESS, "cpu"),
        ]
        score.add(steps, stretches, reports, {"all": (9, 41), "healthy": (20, 30), "loaded": (30.3, 40)}, None)
        return score

    def test_a_block_that_nothing_speaks_of_is_missed(self):
        score = self.score([Stretch("BLOCK", "1", "sleep", 10.0, 10.08)], [])
        self.assertEqual((score.found, score.expected, len(score.missed)), (0, 1, 1))
        self.assertEqual(dict(score.requirements())["recall from 60 ms up: 0 of 1"], False)

    def test_nothing_expected_does_not_meet_what_is_required(self):
        texts = dict(self.score([], []).requirements())
        self.assertEqual(texts["recall from 60 ms up: 0 of 0"], False)
        self.assertEqual(len(self.score([], []).quick_problems()), 1)

    def test_what_it_costs_to_be_idle_is_judged_by_the_medians_of_the_turns(self):
        score = self.score([], [])
        score.idle, score.idle_turns = [9.0], [0.25, 0.2, 0.9]
        text = "idle with 1 targets, in turns with a bare timer: 0.25 % of a core, 0.50 %"
        self.assertEqual(dict(score.requirements([0.5, 0.1, 0.6]))[text], True)
        self.assertIn(False, dict(score.requirements([0.49, 0.1, 0.6])).values())
        self.assertEqual([name for name in dict(score.requirements()) if "idle" in name], [])

    def test_reports_of_nothing_are_counted_where_they_were_made(self):
        reports = [Report(at, "after", duration=0.06) for at in (15.0, 25.0, 35.0, 35.5)]
        score = self.score([], reports)
        self.assertEqual(score.false_counts, {"between": 1, "healthy": 1, "loaded": 2})

    def test_what_is_told_of_the_start_does_not_count(self):
        score = self.score([], [Report(8.0, "after", duration=0.06)])
        self.assertEqual(sum(score.false_counts.values()), 0)

    def test_what_is_laid_on_the_machine_is_not_false_and_finds_nothing_more(self):
        score = self.score([Stretch("LATE", "1", "pulse", 35.0, 35.1)], [Report(35.1, "after", "machine", duration=0.1)])
        self.assertEqual((sum(score.false_counts.values()), score.machine, score.expected), (0, 1, 0))

    def test_a_late_job_that_is_told_as_a_block_is_false(self):
        score = self.score([Stretch("LATE", "1", "pulse", 35.0, 35.1)], [Report(35.1, "after", duration=0.1)])
        self.assertEqual(score.false_counts["loaded"], 1)

    def test_what_is_as_good_as_the_threshold_is_neither_expected_nor_false(self):
        score = self.score([Stretch("BLOCK", "1", "cpu", 10.0, 10.0495)], [Report(10.051, "after", duration=0.05)])
        self.assertEqual((score.expected, sum(score.false_counts.values())), (0, 0))

    def test_a_short_job_that_is_told_is_false(self):
        score = self.score([Stretch("BLOCK", "1", "pulse", 25.0, 25.04)], [Report(25.05, "after", duration=0.05)])
        self.assertEqual(score.false_counts["healthy"], 1)

    def test_a_job_that_is_shorter_than_the_threshold_may_not_be_told(self):
        report = Report(10.05, "ended", began=10.0, duration=0.051, episode="1")
        score = self.score([Stretch("BLOCK", "3", "cpu", 10.0, 10.041)], [report])
        self.assertEqual((score.expected, score.false_counts["between"]), (0, 1))
        score = self.score([Stretch("BLOCK", "3", "cpu", 10.0, 10.061)], [report])
        self.assertEqual((score.expected, score.false_counts["between"]), (0, 0))

    def test_a_flood_is_named_only_if_no_block_is_told_of_it(self):
        flood = Stretch("FLOOD", "1", "cpu", 10.0, 10.3)
        named = Report(10.3, "ended", "congestion", 10.0, 0.3, "1")
        blamed = Report(10.2, "ended", "stall", 10.1, 0.1, "2")
        held = Report(10.25, "ended", "machine", 10.15, 0.1, "3")
        self.assertEqual(self.score([flood], [named]).flood_named, 1)
        self.assertEqual(self.score([flood], [named, held]).flood_named, 1)
        self.assertEqual(self.score([flood], [held]).flood_named, 0)
        score = self.score([flood], [named, blamed])
        self.assertEqual((score.flood_named, score.flood_seen, score.flood_count), (0, 1, 1))
        self.assertEqual(self.score([flood], []).flood_seen, 0)

    def test_what_is_told_of_the_job_that_makes_a_flood_is_not_told_of_the_flood(self):
        post, flood = Stretch("BLOCK", "1", "post", 10.0, 10.055), Stretch("FLOOD", "1", "cpu", 10.055, 10.5)
        blamed = Report(10.051, "ended", "stall", 9.9995, 0.0555, "1")
        score = self.score([post, flood], [blamed, Report(10.11, "ended", "congestion", 10.0555, 0.4445, "2")])
        self.assertEqual((score.flood_named, score.expected, sum(score.false_counts.values())), (1, 0, 0))
        score = self.score([post, flood], [blamed])
        self.assertEqual((score.flood_named, score.flood_seen), (0, 0))

    def test_a_block_that_was_cut_short_was_a_block(self):
        score = self.score([Stretch("CUT", "1", "sleep", 10.0, 10.045)], [Report(10.045, "during")])
        self.assertEqual((score.found, score.shortened, sum(score.false_counts.values())), (1, 1, 0))

    def test_reports_of_the_long_block_are_counted(self):
        block = Stretch("BLOCK", "2", "sleep", 10.0, 13.0)
        reports = [
            Report(10.052, "begun", began=10.0, duration=0.052, episode="1"),
            Report(13.001, "ended", began=10.0, duration=3.0004, episode="1"),
        ]
        score = self.score([block], reports)
        self.assertEqual(score.long_reports, [2])
        self.assertAlmostEqual(score.long_firsts[0], 2.0)
        self.assertAlmostEqual(score.errors[0], 0.4)
