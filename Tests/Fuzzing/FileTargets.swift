// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#if DEBUG || FUZZING
    internal import Glibc
    @testable import LoopwatchPlatform

    /// What is read of binaries, and of the files of /proc.
    enum FileTargets {
        /// The bytes of an input, by address.
        private struct InputMemory: ReadableMemory {
            let bytes: UnsafeBufferPointer<UInt8>

            func read(at address: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Int {
                guard address < UInt64(bytes.count), !buffer.isEmpty else { return 0 }
                let count = min(buffer.count, bytes.count - Int(address))
                buffer.baseAddress!.copyMemory(from: bytes.baseAddress! + Int(address), byteCount: count)
                return count
            }
        }

        /// A file that only this process has, written anew for each input.
        private static let file: CInt = {
            var name = Array("/dev/shm/loopwatch-fuzzing-XXXXXX".utf8CString)
            let descriptor = mkstemp(&name)
            guard descriptor >= 0 else { fatalError("mkstemp: \(errno)") }
            unlink(name)
            return descriptor
        }()

        /// A library's table of exported symbols, and its header as it lies in memory.
        static func exports(_ bytes: UnsafeBufferPointer<UInt8>) {
            ftruncate(file, 0)
            _ = pwrite(file, bytes.baseAddress, bytes.count, 0)
            let symbols = ExportedSymbols(path: "/proc/self/fd/\(file)")
            for address in addresses(bytes) {
                FuzzTarget.expect(symbols.name(at: address)?.isEmpty != true, "a symbol without a name")
            }
        }

        /// A binary in another process: what it has mapped, its identifier and its symbols.
        static func program(_ bytes: UnsafeBufferPointer<UInt8>) {
            let memory = InputMemory(bytes: bytes)
            _ = ELFProgram(memory, at: 0)
            _ = ELFProgram.buildIdentifier(ofFile: memory)
            _ = NamedSymbols.addresses(in: memory, prefixes: ["_Py", "v8dbg_"])
            guard let sections = ELFSections(memory) else { return }
            for table in [sections.symbols, sections.dynamicSymbols].compactMap({ $0 }) {
                let functions = FunctionTable(memory, table, functionsMost: 10_000)
                for address in addresses(bytes) { _ = functions.name(at: address) }
            }
        }

        /// Names of functions as the demangler writes them, symbols, and what a helper answers of an address.
        static func names(_ bytes: UnsafeBufferPointer<UInt8>) {
            let text = String(decoding: bytes, as: UTF8.self)
            _ = SymbolName(demangled: text, host: "Host")
            _ = SymbolName(demangled: text, host: nil)
            _ = CodeNames.withoutArguments(text)
            var answer = Array(bytes)
            while let taken = try? LineRequest.takeAnswer(from: &answer) {
                FuzzTarget.expect(taken.functions.count < 1_000, "an answer of \(taken.functions.count) functions")
            }
            _ = PythonLines.line(in: Array(bytes), firstLine: 1, instruction: Int(bytes.first ?? 0))
        }

        /// Files of /proc, and the one in which a just-in-time compiler tells its functions.
        static func processFiles(_ bytes: UnsafeBufferPointer<UInt8>) {
            let text = Array(bytes)
            // A byte that is no UTF-8 becomes a sign of three.
            let length = String(decoding: text, as: UTF8.self).utf8.count
            for place in ProcessMaps.places(maps: text) {
                FuzzTarget.expect(place.path.utf8.count <= length, "a path that is not there")
            }
            let map = PerfMap(text)
            for address in addresses(bytes) { _ = map.name(at: address) }
            _ = ProcessStatistics(stat: text)
            _ = ThreadCall(text)
            _ = CgroupThrottling(stat: text)
        }

        /// Addresses to look up: some that any file may have, and one that the input says.
        private static func addresses(_ bytes: UnsafeBufferPointer<UInt8>) -> [UInt64] {
            var last: UInt64 = 0
            for byte in bytes.suffix(8) { last = last << 8 | UInt64(byte) }
            return [0, 0x1000, 0x1010, last, .max]
        }
    }
#endif
