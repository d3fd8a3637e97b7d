// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "server",
    dependencies: [
        .package(path: "../loopwatch")
    ],
    targets: [
        .executableTarget(
            name: "server",
            dependencies: [
                .product(name: "Loopwatch", package: "loopwatch")
            ]
        )
    ]
)
