// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import enum LoopwatchExposition.Base64
@testable import enum LoopwatchExposition.SHA256

/// The vectors are those of FIPS 180-4's examples and of RFC 4648 section 10.
@Suite("SHA-256 and Base64")
struct SHA256Tests {
    @Test(
        "digests of the standard's examples",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
            (
                String(repeating: "a", count: 1_000),
                "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3"
            ),
        ]
    )
    func digests(_ message: String, _ expected: String) {
        let hexadecimal = SHA256.digest(of: Array(message.utf8)).map {
            ($0 < 16 ? "0" : "") + String($0, radix: 16)
        }
        #expect(hexadecimal.joined() == expected)
    }

    @Test(
        "Base64 of the standard's examples",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ]
    )
    func base64(_ text: String, _ expected: String) {
        #expect(Base64.text(of: Array(text.utf8)) == expected)
    }

    @Test("Base64 has all its digits")
    func digits() {
        #expect(Base64.text(of: [0xFB, 0xFF, 0xFE]) == "+//+")
    }
}
