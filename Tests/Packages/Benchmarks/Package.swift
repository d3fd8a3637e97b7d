// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "benchmarks",
    dependencies: [.package(name: "loopwatch", path: "../../..")],
    targets: [
        .target(name: "CEpollLoop"),
        .target(name: "CAllocationCounter"),
        .target(name: "CJobCost", dependencies: [.product(name: "Loopwatch", package: "loopwatch")]),
        .executableTarget(
            name: "detection-benchmark",
            dependencies: ["CEpollLoop", .product(name: "Loopwatch", package: "loopwatch")]
        ),
        .executableTarget(
            name: "accounting-benchmark",
            dependencies: ["CAllocationCounter", "CJobCost", .product(name: "Loopwatch", package: "loopwatch")]
        ),
        .executableTarget(
            name: "meter-benchmark",
            dependencies: [.product(name: "Loopwatch", package: "loopwatch")]
        ),
    ]
)
