// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "benchmarks",
    dependencies: [.package(name: "loopwatch", path: "../../..")],
    targets: [
        .target(name: "CEpollLoop"),
        .target(name: "EpollLoops", dependencies: ["CEpollLoop"]),
        .target(name: "CAllocationCounter"),
        .target(name: "CJobCost", dependencies: [.product(name: "Loopwatch", package: "loopwatch")]),
        .executableTarget(
            name: "detection-benchmark",
            dependencies: ["CEpollLoop", "EpollLoops", .product(name: "Loopwatch", package: "loopwatch")]
        ),
        .executableTarget(
            name: "accounting-benchmark",
            dependencies: ["CAllocationCounter", "CJobCost", .product(name: "Loopwatch", package: "loopwatch")]
        ),
        .executableTarget(
            name: "meter-benchmark",
            dependencies: [.product(name: "Loopwatch", package: "loopwatch")]
        ),
        // Very many targets, for Tests/Compare/scale.py.
        .executableTarget(
            name: "scale-host",
            dependencies: ["EpollLoops", .product(name: "Loopwatch", package: "loopwatch")]
        ),
        // The same small program without Loopwatch and with it, for Tests/Compare/footprint.py.
        .target(name: "FootprintHost", dependencies: ["EpollLoops"]),
        .executableTarget(name: "footprint-plain", dependencies: ["FootprintHost"]),
        .executableTarget(
            name: "footprint-watched",
            dependencies: ["FootprintHost", .product(name: "Loopwatch", package: "loopwatch")]
        ),
    ]
)
