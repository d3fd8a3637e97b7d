// swift-tools-version: 6.2
import PackageDescription

/// Settings that every Swift target shares: one place, so that no target is laxer than another.
let swiftSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

/// Settings that every C target shares.
let cSettings: [CSetting] = [
    .enableWarning("all"),
    .enableWarning("extra"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "loopwatch",
    products: [
        .library(name: "Loopwatch", targets: ["Loopwatch"]),
        .library(name: "LoopwatchTesting", targets: ["LoopwatchTesting"]),
        .executable(name: "loopwatch", targets: ["loopwatch"]),
    ],
    targets: [
        .target(name: "CLoopwatchCapture", cSettings: cSettings),
        // It names Dispatch's main queue, which programs that use Dispatch through the runtime alone are not linked with.
        .target(
            name: "CLoopwatchRuntime",
            cSettings: cSettings,
            linkerSettings: [.linkedLibrary("dispatch"), .linkedLibrary("swift_Concurrency")]
        ),
        .target(name: "LoopwatchCore"),
        .target(name: "LoopwatchExposition", dependencies: ["LoopwatchCore"]),
        .target(name: "LoopwatchPlatform", dependencies: ["LoopwatchCore", "CLoopwatchCapture", "CLoopwatchRuntime"]),
        .target(name: "LoopwatchHTTP", dependencies: ["LoopwatchCore", "LoopwatchPlatform"]),
        .target(
            name: "Loopwatch",
            dependencies: ["LoopwatchCore", "LoopwatchExposition", "LoopwatchHTTP", "LoopwatchPlatform"]
        ),
        // For tests alone: it is linked with Swift Testing and XCTest, as every test bundle is.
        .target(
            name: "LoopwatchTesting",
            dependencies: ["Loopwatch", "LoopwatchCore", "LoopwatchExposition", "LoopwatchPlatform"]
        ),
        .target(
            name: "LoopwatchDaemon",
            dependencies: ["Loopwatch", "LoopwatchCore", "LoopwatchExposition", "LoopwatchPlatform"]
        ),
        .executableTarget(name: "loopwatch", dependencies: ["LoopwatchDaemon"]),
        .executableTarget(
            name: "capture-benchmark",
            dependencies: ["LoopwatchCore", "LoopwatchPlatform"],
            path: "Tests/CaptureBenchmark"
        ),
        .executableTarget(
            name: "fuzzing",
            dependencies: ["LoopwatchCore", "LoopwatchDaemon", "LoopwatchHTTP", "LoopwatchPlatform"],
            path: "Tests/Fuzzing",
            exclude: ["Seeds"]
        ),
        .executableTarget(name: "fault-host", dependencies: ["Loopwatch"], path: "Tests/FaultHost"),
        .target(
            name: "CRuntimeHooks",
            dependencies: ["CLoopwatchRuntime"],
            path: "Tests/CRuntimeHooks",
            cSettings: cSettings
        ),
        .executableTarget(name: "CLoopFixture", path: "Tests/CLoopFixture", cSettings: cSettings),
        .target(name: "LoopwatchTestSupport", path: "Tests/Support"),
        .testTarget(name: "LoopwatchCoreTests", dependencies: ["LoopwatchCore", "LoopwatchTestSupport"]),
        .testTarget(
            name: "LoopwatchDaemonTests",
            dependencies: [
                "Loopwatch", "LoopwatchCore", "LoopwatchDaemon", "LoopwatchExposition", "LoopwatchPlatform",
                "CLoopFixture", "loopwatch",
            ]
        ),
        .testTarget(
            name: "LoopwatchExpositionTests",
            dependencies: ["LoopwatchCore", "LoopwatchExposition", "LoopwatchTestSupport"]
        ),
        .testTarget(
            name: "LoopwatchHTTPTests",
            dependencies: ["LoopwatchCore", "LoopwatchHTTP", "LoopwatchPlatform", "LoopwatchTestSupport"]
        ),
        .testTarget(
            name: "LoopwatchPlatformTests",
            dependencies: [
                "LoopwatchCore", "LoopwatchPlatform", "LoopwatchTestSupport", "CRuntimeHooks", "CLoopFixture",
                "loopwatch",
            ]
        ),
        .testTarget(
            name: "LoopwatchTests",
            dependencies: ["Loopwatch", "LoopwatchCore", "LoopwatchHTTP", "LoopwatchPlatform", "CRuntimeHooks"]
        ),
        .testTarget(
            name: "LoopwatchTestingTests",
            dependencies: ["Loopwatch", "LoopwatchCore", "LoopwatchPlatform", "LoopwatchTesting"]
        ),
    ]
)

for target in package.targets where !target.name.hasPrefix("C") {
    target.swiftSettings = swiftSettings
}
