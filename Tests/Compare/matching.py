# This source file is part of the Loopwatch project
# SPDX-License-Identifier: Apache-2.0
"""Which report speaks of which block: pure functions, so that a wrong match cannot flatter anybody.

`python3 Tests/Compare/detection.py --self-test` runs the checks at the end of this file.
"""

import dataclasses
import unittest

# How long after the end of a block a report that speaks of an instant only may still be meant for it, in seconds.
LATE = 0.03
# A block that is shorter than the threshold by less than this is neither to be reported nor wrong when it is: what holds
# the loop is a little longer than what measures itself within it.
MARGIN = 0.001


@dataclasses.dataclass(frozen=True)
class Stretch:
    """Something that the host knows to have held it up: a `BLOCK`, a `FLOOD` of short jobs, `CUT`, a block that the tool
    itself ended early, or `LATE`, a job that was not begun for long although nothing of the host held its place. Seconds of
    the monotonic clock."""

    what: str
    identifier: str
    kind: str
    began: float
    ended: float

    @property
    def seconds(self):
        return self.ended - self.began


@dataclasses.dataclass(frozen=True)
class Report:
    """What a tool said at a time. `state` is begun, ongoing, ended (of an episode) or during, after (on its own); `kind`
    is stall, congestion, machine (blocked, but for want of a processor) or interruption (the whole process did not run, and
    nothing is said of a block). What the tool does not say is None; `since` is the earliest that it can mean."""

    at: float
    state: str
    kind: str = "stall"
    began: float | None = None
    duration: float | None = None
    episode: str | None = None
    since: float | None = None

    @property
    def claim(self):
        """The stretch of time that it speaks of."""
        if self.began is not None:
            return self.began, self.began + (self.duration or 0)
        if self.since is not None:
            return self.since, self.at
        if self.duration is not None:
            return self.at - self.duration, self.at
        return self.at, self.at


@dataclasses.dataclass
class Finding:
    """A stretch, and the reports that were matched to it, in order."""

    stretch: Stretch
    reports: list = dataclasses.field(default_factory=list)

    @property
    def is_found(self):
        """An episode that never ended has no duration, and is not found."""
        episodes = [report for report in self.reports if report.episode is not None]
        return bool(self.reports) and (not episodes or any(report.state == "ended" for report in episodes))

    @property
    def error(self):
        """By how much the last length that was told is off, in seconds; None where none was told. Of several episodes the
        first counts."""
        first = self.reports[0].episode if self.reports else None
        told = [report.duration for report in self.reports if report.duration is not None and report.episode == first]
        return told[-1] - self.stretch.seconds if told and self.is_found else None

    def first_after(self, threshold):
        """When the first report came, in seconds after the threshold was crossed."""
        return min(report.at for report in self.reports) - self.stretch.began - threshold


def episodes(reports):
    """Reports of one episode together; those that belong to none alone."""
    groups = {}
    for number, report in enumerate(sorted(reports, key=lambda report: report.at)):
        groups.setdefault(("own", number) if report.episode is None else ("episode", report.episode), []).append(report)
    return list(groups.values())


def says_the_same(report, other):
    """Whether two reports, of different episodes, tell of the same thing: an episode is called `what it is number`, and of
    a pool there may be told at once that a job holds a thread and that none is left."""
    if report.episode is None or other.episode is None:
        return False
    return report.episode.rpartition(" ")[0] == other.episode.rpartition(" ")[0]


def overlap(claim, stretch):
    """How long a claim and a stretch have in common; an instant counts if it is within, or only just late."""
    began, ended = claim
    if began == ended:
        return LATE if stretch.began <= began <= stretch.ended + LATE else 0
    return max(0, min(ended, stretch.ended) - max(began, stretch.began))


def match(stretches, reports):
    """Gives each episode to the one stretch that it has most in common with.

    Returns the findings, one for each stretch, and the episodes that are left: those that have nothing in common with any
    stretch or tell of no block, and second episodes of a block that was told of already, if they tell the same. A tool that
    numbers no episodes may repeat itself.
    """
    findings = [Finding(stretch) for stretch in stretches]
    left = []
    for group in episodes(reports):
        claims = [report.claim for report in group]
        claim = min(began for began, _ in claims), max(ended for _, ended in claims)
        best = max(findings, key=lambda finding: overlap(claim, finding.stretch), default=None)
        if best is None or overlap(claim, best.stretch) <= 0 or group[0].kind == "interruption":
            left.append(group)
        elif best.stretch.what != "FLOOD" and any(says_the_same(report, group[0]) for report in best.reports):
            left.append(group)
        else:
            best.reports += group
    for finding in findings:
        finding.reports.sort(key=lambda report: report.at)
    return findings, left


class MatchingTests(unittest.TestCase):
    def block(self, began, ended, what="BLOCK"):
        return Stretch(what, f"{began}", "sleep", began, ended)

    def test_an_episode_is_matched_to_its_block_and_its_error_is_of_the_last_report(self):
        reports = [
            Report(10.05, "begun", began=10.0, duration=0.05, episode="1"),
            Report(10.151, "ended", began=10.0, duration=0.149, episode="1"),
        ]
        [finding], left = match([self.block(10.0, 10.15)], reports)
        self.assertEqual(left, [])
        self.assertTrue(finding.is_found)
        self.assertAlmostEqual(finding.error, -0.001)
        self.assertAlmostEqual(finding.first_after(0.05), 0.0)

    def test_a_report_of_another_time_is_left(self):
        findings, left = match([self.block(10.0, 10.1)], [Report(11.0, "after", duration=0.1)])
        self.assertFalse(findings[0].is_found)
        self.assertEqual(len(left), 1)

    def test_the_right_length_at_the_wrong_time_is_no_match(self):
        reports = [Report(10.35, "ended", began=10.2, duration=0.15, episode="1")]
        findings, left = match([self.block(10.0, 10.15), self.block(10.5, 10.65)], reports)
        self.assertEqual([finding.is_found for finding in findings], [False, False])
        self.assertEqual(len(left), 1)

    def test_one_long_claim_finds_one_block_only(self):
        reports = [Report(11.0, "ended", began=10.0, duration=1.0, episode="1")]
        findings, left = match([self.block(10.0, 10.1), self.block(10.5, 10.9)], reports)
        self.assertEqual([finding.is_found for finding in findings], [False, True])
        self.assertAlmostEqual(findings[1].error, 0.6)

    def test_a_second_episode_of_one_block_is_left(self):
        reports = [
            Report(10.06, "ended", began=10.0, duration=0.06, episode="1"),
            Report(10.16, "ended", began=10.08, duration=0.08, episode="2"),
        ]
        [finding], left = match([self.block(10.0, 10.16)], reports)
        self.assertAlmostEqual(finding.error, -0.1)
        self.assertEqual([group[0].episode for group in left], ["2"])

    def test_another_finding_of_the_same_time_is_not_left_and_the_first_tells_the_length(self):
        reports = [
            Report(10.05, "begun", began=10.0, duration=0.05, episode="pool hold 1"),
            Report(10.16, "ended", began=10.0, duration=0.16, episode="pool hold 1"),
            Report(10.17, "ended", began=10.05, duration=0.1, episode="pool stall 2"),
        ]
        [finding], left = match([self.block(10.0, 10.16)], reports)
        self.assertEqual(left, [])
        self.assertAlmostEqual(finding.error, 0)

    def test_an_episode_without_an_end_is_not_found(self):
        [finding], _ = match([self.block(10.0, 10.1)], [Report(10.05, "begun", began=10.0, duration=0.05, episode="1")])
        self.assertFalse(finding.is_found)
        self.assertIsNone(finding.error)

    def test_a_tool_without_episodes_may_repeat_itself_and_its_last_length_counts(self):
        reports = [Report(10.05, "during", duration=0.05), Report(10.1, "during", duration=0.1)]
        [finding], left = match([self.block(10.0, 10.13)], reports)
        self.assertEqual(left, [])
        self.assertAlmostEqual(finding.error, -0.03)

    def test_an_instant_belongs_to_the_block_in_which_it_is_or_that_just_ended(self):
        blocks = [self.block(10.0, 10.1), self.block(10.3, 10.4)]
        findings, left = match(blocks, [Report(10.12, "during"), Report(10.31, "during"), Report(10.2, "during")])
        self.assertEqual([len(finding.reports) for finding in findings], [1, 1])
        self.assertEqual([group[0].at for group in left], [10.2])
        self.assertIsNone(findings[0].error)

    def test_a_window_is_given_to_what_fills_most_of_it(self):
        reports = [Report(10.6, "after", duration=0.2, since=10.1)]
        findings, _ = match([self.block(10.1, 10.11), self.block(10.2, 10.39)], reports)
        self.assertEqual([finding.is_found for finding in findings], [False, True])

    def test_several_episodes_may_tell_of_one_flood(self):
        reports = [
            Report(10.06, "ended", began=10.0, duration=0.1, episode="1"),
            Report(10.3, "ended", "congestion", began=10.1, duration=0.2, episode="2"),
        ]
        [finding], left = match([self.block(10.0, 10.3, "FLOOD")], reports)
        self.assertEqual(len(finding.reports), 2)
        self.assertEqual(left, [])

    def test_an_interruption_of_the_whole_process_finds_no_block_and_takes_none_from_others(self):
        interruption = Report(10.08, "ended", "interruption", began=10.02, duration=0.06, episode="1")
        stall = Report(10.101, "ended", began=10.0, duration=0.1, episode="2")
        [finding], left = match([self.block(10.0, 10.1)], [interruption])
        self.assertFalse(finding.is_found)
        [finding], left = match([self.block(10.0, 10.1)], [interruption, stall])
        self.assertTrue(finding.is_found)
        self.assertEqual(left, [[interruption]])

    def test_nothing_matches_nothing(self):
        self.assertEqual(match([], []), ([], []))
        self.assertEqual(len(match([], [Report(1.0, "during")])[1]), 1)
