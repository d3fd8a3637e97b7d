// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#if DEBUG || FUZZING
    internal import Synchronization

    /// The readers of bytes from elsewhere, by name.
    enum FuzzTarget {
        private static let all: [(name: String, read: @Sendable (UnsafeBufferPointer<UInt8>) -> Void)] = [
            ("http-request", HTTPTargets.request),
            ("http-response", ClientTargets.response),
            ("configuration", ClientTargets.configuration),
            ("json", ClientTargets.json),
            ("log", ClientTargets.log),
            ("unwind-table", CodeTargets.unwindTable),
            ("instructions", CodeTargets.instructions),
            ("elf-exports", FileTargets.exports),
            ("elf-program", FileTargets.program),
            ("names", FileTargets.names),
            ("process-files", FileTargets.processFiles),
        ]
        private static let chosen = Atomic(0)

        /// Their names.
        static var names: [String] { all.map(\.name) }

        /// Says which one ``read(_:)`` means; false where there is none of the name.
        static func choose(_ name: String) -> Bool {
            guard let index = names.firstIndex(of: name) else { return false }
            chosen.store(index, ordering: .relaxed)
            return true
        }

        /// Reads an input by the target that was chosen.
        static func read(_ bytes: UnsafeBufferPointer<UInt8>) {
            // libFuzzer gives no address where there are no bytes.
            let nothing: [UInt8] = [0]
            nothing.withUnsafeBufferPointer { nothing in
                let start = bytes.baseAddress ?? nothing.baseAddress
                all[chosen.load(ordering: .relaxed)].read(UnsafeBufferPointer(start: start, count: bytes.count))
            }
        }

        /// Reads a file by a target.
        static func read(_ path: String, as name: String) {
            guard choose(name) else { return }
            Inputs.bytes(at: path).withUnsafeBufferPointer { read($0) }
        }

        /// Fails, as a crash that the fuzzer keeps the input of, where something is not as it must be.
        static func expect(_ condition: Bool, _ text: @autoclosure () -> String) {
            if !condition { fatalError(text()) }
        }
    }
#endif
