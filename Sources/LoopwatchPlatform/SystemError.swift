// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// A failed system call: which one, on what, and the kernel's reason.
package struct SystemError: Error, CustomStringConvertible, Equatable {
    /// Name of the call, and what it was called on where that helps.
    package var operation: String
    /// The value of `errno`.
    package var code: CInt

    /// Creates an error from an operation and an `errno` value.
    package init(operation: String, code: CInt) {
        self.operation = operation
        self.code = code
    }

    /// Creates an error from an operation that failed just now on this thread.
    package init(operation: String) {
        self.init(operation: operation, code: errno)
    }

    /// The code for using something that was stopped (`ESHUTDOWN`).
    package static let stopped = ESHUTDOWN

    /// A sentence for the log, such as `bind 127.0.0.1:9667: Address already in use (errno 98)`.
    package var description: String {
        var buffer = [CChar](repeating: 0, count: 256)
        // The XSI variant, which is what the module imports: fills the buffer, always terminated.
        _ = strerror_r(code, &buffer, buffer.count)
        let message = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return "\(operation): \(message) (errno \(code))"
    }
}

/// Calls the system again for as long as a signal interrupts it; returns what the call returned.
package func retryingInterrupted<Result: FixedWidthInteger>(_ body: () -> Result) -> Result {
    while true {
        let result = body()
        if result == -1, errno == EINTR { continue }
        return result
    }
}
