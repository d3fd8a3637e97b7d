// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// The interpreters that a process holds, as far as they are known.
struct RemoteRuntimes<Memory: ReadableMemory> {
    /// A CPython.
    struct Python {
        /// The binary that holds it.
        var image: RemoteImage
        var frames: PythonFrameReader<Memory>
        var names: PythonNames<Memory>
    }

    /// A V8.
    struct Script {
        /// The binary that holds it.
        var image: RemoteImage
        var functions: V8Functions<Memory>
    }

    /// The CPython.
    var python: Python?
    /// The V8.
    var script: Script?
    /// The binary that holds V8, also where its layout is not known.
    var scriptEngine: RemoteImage?
    /// What is not known, in words: then there are native frames only.
    var remarks: [String] = []

    private static var pythonSymbols: [String] {
        ["_PyRuntime", "Py_Version", "PyCode_Type", "PyUnicode_Type", "PyBytes_Type"]
    }

    /// Looks for interpreters.
    ///
    /// - Parameters:
    ///   - images: the binaries of the process.
    ///   - memory: its memory.
    ///   - symbols: where their files are opened.
    init(in images: [RemoteImage], memory: Memory, symbols: RemoteSymbolCache) {
        for image in images where Self.mayHoldInterpreter(image) {
            guard let path = image.openPath,
                let file = symbols.file(at: path, buildIdentifier: image.buildIdentifier, inode: image.inode)?.file
            else { continue }
            let found = NamedSymbols.addresses(in: file, prefixes: Self.pythonSymbols + V8Layout.symbolPrefixes)
                .mapValues { $0 &+ image.bias }
            if python == nil { findPython(found, image, memory) }
            if scriptEngine == nil, found.keys.contains(where: { $0.hasPrefix("v8dbg_") }) {
                scriptEngine = image
                do throws(V8Layout.Unknown) {
                    let layout = try V8Layout(memory, symbols: found)
                    script = Script(image: image, functions: V8Functions(memory: memory, layout: layout))
                } catch {
                    remarks.append(error.text)
                }
            }
        }
    }

    /// Interpreters are the executable, or a library that is named after them.
    private static func mayHoldInterpreter(_ image: RemoteImage) -> Bool {
        image.isExecutable || ["libpython", "libnode", "libv8"].contains { image.name.hasPrefix($0) }
    }

    private mutating func findPython(_ found: [String: UInt64], _ image: RemoteImage, _ memory: Memory) {
        guard let runtime = found["_PyRuntime"] else { return }
        let version = found["Py_Version"].flatMap { memory.word(at: $0) }
        switch PythonVersion.of(version: version, memory, runtime: runtime) {
        case .unknown(let text): remarks.append(text)
        case .known(let layout):
            guard let codeType = found["PyCode_Type"], let stringType = found["PyUnicode_Type"],
                let bytesType = found["PyBytes_Type"]
            else {
                remarks.append("Python \(layout.version) does not export its types: its frames are not known")
                return
            }
            python = Python(
                image: image,
                frames: PythonFrameReader(memory: memory, layout: layout, runtime: runtime),
                names: PythonNames(
                    memory: memory,
                    layout: layout,
                    codeType: codeType,
                    stringType: stringType,
                    bytesType: bytesType
                )
            )
        }
    }
}
