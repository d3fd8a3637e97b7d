// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc

// Every reader of bytes that come from elsewhere, fed with bytes that somebody made up. Tests/Faults/fuzz.py builds it for
// libFuzzer and runs it; as it is built with the tests it reads the inputs that it is given, once each:
//
//     fuzzing FOLDER            the files of FOLDER/TARGET, for each target
//     fuzzing TARGET FILE...
//
// It needs what only tests see, so that an optimised build without those settings has nothing to do.

#if FUZZING
    /// libFuzzer's own main function, as a library has it (FuzzerInterface.h).
    @_silgen_name("LLVMFuzzerRunDriver")
    func runFuzzer(
        _ argumentCount: UnsafeMutablePointer<CInt>,
        _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
        _ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
    ) -> CInt

    guard CommandLine.argc > 1, let name = CommandLine.arguments.dropFirst().first, FuzzTarget.choose(name) else {
        print("usage: fuzzing \(FuzzTarget.names.joined(separator: "|")) [OPTIONS OF LIBFUZZER] [FOLDERS]")
        exit(64)
    }
    var count = CommandLine.argc - 1
    var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv + 1
    exit(
        runFuzzer(&count, &arguments) { bytes, count in
            FuzzTarget.read(UnsafeBufferPointer(start: bytes, count: count))
            return 0
        }
    )
#elseif DEBUG
    let words = Array(CommandLine.arguments.dropFirst())
    var inputs: [(target: String, path: String)] = []
    if words.count == 1 {
        inputs = FuzzTarget.names.flatMap { name in
            Inputs.files(in: "\(words[0])/\(name)").map { (name, $0) }
        }
    } else if let name = words.first, FuzzTarget.names.contains(name) {
        inputs = words.dropFirst().map { (name, $0) }
    }
    guard !inputs.isEmpty else {
        print("no inputs; usage: fuzzing FOLDER, or fuzzing \(FuzzTarget.names.joined(separator: "|")) FILE...")
        exit(64)
    }
    var slowest = (seconds: 0.0, path: "")
    for (name, path) in inputs {
        // Told before it is read: what crashes is known by its name.
        print("\(name) \(path)")
        fflush(nil)
        let seconds = Inputs.seconds { FuzzTarget.read(path, as: name) }
        if seconds > slowest.seconds { slowest = (seconds, path) }
    }
    let missing = FuzzTarget.names.filter { name in !inputs.contains { $0.target == name } }
    if words.count == 1, !missing.isEmpty {
        print("no inputs for \(missing.joined(separator: ", "))")
        exit(1)
    }
    print("\(inputs.count) inputs; the slowest took \(Int(slowest.seconds * 1_000)) ms: \(slowest.path)")
    // Unoptimised, and on a busy machine: what takes that long is not read in linear time.
    exit(slowest.seconds < 10 ? 0 : 1)
#else
    print("built without what it needs: see Tests/Faults/fuzz.py")
    exit(64)
#endif
