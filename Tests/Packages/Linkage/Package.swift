// swift-tools-version: 6.2
import PackageDescription

/// A program that embeds Loopwatch and needs nothing else: what it is linked with is what Loopwatch brings.
let package = Package(
    name: "Linkage",
    dependencies: [
        // The name, because a package at a path is otherwise called after its directory, and a clone may be called anything.
        .package(name: "loopwatch", path: "../../..")
    ],
    targets: [
        .executableTarget(
            name: "linkage-consumer",
            dependencies: [.product(name: "Loopwatch", package: "loopwatch")],
            swiftSettings: [
                .swiftLanguageMode(.v6),
                .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("InternalImportsByDefault"),
                .enableUpcomingFeature("MemberImportVisibility"),
                .treatAllWarnings(as: .error),
            ]
        )
    ]
)
