// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore

extension MetricCatalog {
    /// The families of the captured stacks and of the profile made of them.
    static let capture: [MetricDescription] = [
        .labelled(
            "loopwatch_stack_captures",
            .counter,
            labels: ["method"],
            bound: "2",
            help:
                "Stacks of blocked threads that were taken: passive without touching the thread, signalled by a signal "
                + "to a running one."
        ) {
            [(["passive"], .count($0.capture.passive)), (["signalled"], .count($0.capture.signalled))]
        },
        .labelled(
            "loopwatch_stack_captures_discarded",
            .counter,
            labels: ["reason"],
            bound: "3",
            help: "Stacks that were taken and not used, by reason."
        ) { snapshot in
            CaptureSnapshot.DiscardReason.allCases.map {
                ([$0.label], .count(snapshot.capture.discarded.count(at: $0.rawValue)))
            }
        },
        .labelled(
            "loopwatch_stack_captures_omitted",
            .counter,
            labels: ["reason"],
            bound: "7",
            help: "Times a stack of a blocked thread was wanted and none could be taken, by reason."
        ) { snapshot in
            CaptureSnapshot.OmissionReason.allCases.map {
                ([$0.label], .count(snapshot.capture.omitted.count(at: $0.rawValue)))
            }
        },
        .single(
            "loopwatch_symbolizing_seconds",
            .counter,
            unit: "seconds",
            help: "Time spent on finding the names of captured frames."
        ) { .nanoseconds($0.capture.symbolizingNanoseconds) },
        .single("loopwatch_profile_stacks", .gauge, help: "Different stacks in the profile of blocked time.") {
            .integer($0.capture.profileStacks)
        },
        .single(
            "loopwatch_profile_evicted",
            .counter,
            help: "Stacks forgotten by the profile of blocked time because there were too many."
        ) { .count($0.capture.profileEvicted) },
    ]
}
