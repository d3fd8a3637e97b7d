// swift-tools-version: 6.2
import PackageDescription

let swiftSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

/// A package whose tests use LoopwatchTesting, as a user's would: with tests of both frameworks.
let package = Package(
    name: "Checkout",
    dependencies: [
        // The name, because a package at a path is otherwise called after its directory, and a clone may be called anything.
        .package(name: "loopwatch", path: "../../..")
    ],
    targets: [
        .target(name: "Checkout", swiftSettings: swiftSettings),
        .testTarget(
            name: "CheckoutTests",
            dependencies: [
                "Checkout",
                .product(name: "Loopwatch", package: "loopwatch"),
                .product(name: "LoopwatchTesting", package: "loopwatch"),
            ],
            swiftSettings: swiftSettings
        ),
    ]
)
