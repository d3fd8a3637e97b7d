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

/// Blocking programs the truth of which is known, and the proof that Loopwatch finds it.
let package = Package(
    name: "Corpus",
    dependencies: [
        // The name, because a package at a path is otherwise called after its directory, and a clone may be called anything.
        .package(name: "loopwatch", path: "../../.."),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    ],
    targets: [
        .target(name: "CCorpus"),
        // An optimising build makes one function of several that are alike, under the name of one of them (as it does in
        // any host), and the truth about a program would be gone with its functions.
        .target(
            name: "Corpus",
            dependencies: [
                "CCorpus",
                .product(name: "Loopwatch", package: "loopwatch"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: swiftSettings + [.unsafeFlags(["-Xllvm", "-swiftmergefunc-threshold=0"])]
        ),
        .executableTarget(name: "corpus", dependencies: ["Corpus"], swiftSettings: swiftSettings),
        // A server that knows nothing of Loopwatch, to be watched from outside.
        .executableTarget(
            name: "nio-server",
            dependencies: [
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: swiftSettings
        ),
        // What is watched when detection is compared: see Tests/Compare/detection.py.
        .executableTarget(
            name: "detection-host",
            dependencies: [
                "CCorpus",
                .product(name: "Loopwatch", package: "loopwatch"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: swiftSettings
        ),
        .testTarget(name: "CorpusTests", dependencies: ["Corpus", "corpus"], swiftSettings: swiftSettings),
    ]
)
