// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import LoopwatchPlatform

@Suite("What the toolchain's symboliser is told")
struct BacktraceEncodingTests {
    @Test(
        "base64 (RFC 4648, section 10)",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ]
    )
    func base64(text: String, expected: String) {
        #expect(BacktraceEncoding.base64(Array(text.utf8)) == expected)
    }

    @Test("the toolchain takes a table of binaries in the form in which it is written, also a long one")
    func imageMap() {
        let images = (0..<300).map { index in
            LoadedImage(
                path: "/srv/" + String(repeating: "long folder/", count: index % 20) + "lib\(index).so",
                name: "lib\(index).so",
                base: UInt64(index + 1) << 32,
                textStart: UInt64(index + 1) << 32,
                textEnd: UInt64(index + 1) << 32 + 4_096,
                bias: 0,
                isELF: true,
                origin: .host
            )
        }
        #expect(RuntimeSymbols(ImageTable(images: images)).isAvailable)
        #expect(RuntimeSymbols(ImageTable(images: [])).isAvailable)
    }
}
