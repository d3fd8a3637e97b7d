// swift-tools-version: 6.2
import PackageDescription

/// The same strictness as the root package.
let swiftSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

/// The proof that accounting of Swift's pool changes nothing for the host, loses nothing and costs little.
let package = Package(
    name: "Accounting",
    dependencies: [
        // The name, because a package at a path is otherwise called after its directory, and a clone may be called anything.
        .package(name: "loopwatch", path: "../../..")
    ],
    targets: [
        .target(
            name: "Accounting",
            dependencies: [.product(name: "Loopwatch", package: "loopwatch")],
            swiftSettings: swiftSettings
        ),
        .executableTarget(name: "accounting-host", dependencies: ["Accounting"], swiftSettings: swiftSettings),
        .executableTarget(name: "accounting-async-host", dependencies: ["Accounting"], swiftSettings: swiftSettings),
        .testTarget(
            name: "AccountingTests",
            dependencies: ["Accounting", "accounting-host", "accounting-async-host"],
            swiftSettings: swiftSettings
        ),
    ]
)
