// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials
import Testing

extension Serial {
    /// What is shown is what is compiled: no sample without its text in a file of this package, and none here that is not shown.
    @Suite("The samples of the documentation")
    struct SampleTests {
        /// All pieces of code of README.md, of the articles, and of the comments of what a host imports.
        private static func samples() throws -> [Sample] {
            var files = [Repository.root + "/README.md"]
            for module in ["Loopwatch", "LoopwatchTesting"] {
                files += try Repository.files(below: Repository.root + "/Sources/\(module)", ending: ".md")
                files += try Repository.files(below: Repository.root + "/Sources/\(module)", ending: ".swift")
            }
            files += try Repository.files(below: Repository.root + "/Sources/LoopwatchCore", ending: ".swift")
            return try files.flatMap { file in
                Sample.all(in: try Repository.text(file), file: String(file.dropFirst(Repository.root.count + 1)))
            }
        }

        /// All that is compiled to be shown; a manifest as a whole.
        private static func regions() throws -> [Region] {
            let sources = try Repository.files(below: Repository.package, ending: ".swift")
            return try sources.filter { !$0.hasSuffix("/Package.swift") }.flatMap { file in
                Region.all(in: try Repository.text(file), file: file)
            }
                + manifests().map { file in
                    let lines = try Repository.text(file).split(separator: "\n", omittingEmptySubsequences: false)
                    let sample = Sample(file: file, line: 1, language: "swift", lines: lines.map(String.init))
                    return Region(name: "manifest", file: file, code: sample.code, imports: sample.imports)
                }
        }

        private static func manifests() throws -> [String] {
            try Repository.files(below: Repository.package + "/Manifests", ending: "/Package.swift")
        }

        @Test("are all compiled, and all that is compiled is shown")
        func agree() throws {
            let samples = try Self.samples().filter { $0.language == "swift" }
            let regions = try Self.regions()
            #expect(samples.count >= 25)
            var shown: Set<String> = []
            for sample in samples {
                let region = regions.first { $0.code == sample.code && sample.imports.isSubset(of: $0.imports) }
                if let region { shown.insert(region.file + region.name) }
                #expect(region != nil, "\(sample.file):\(sample.line) is in no file of this package:\n\(sample.code)")
            }
            for region in regions {
                #expect(!region.code.isEmpty, "\(region.name) in \(region.file) is empty")
                #expect(shown.contains(region.file + region.name), "no text shows '\(region.name)' of \(region.file)")
            }
        }

        @Test("say what language they are in, one that is checked or that only shows output")
        func languages() throws {
            for sample in try Self.samples() {
                #expect(
                    ["swift", "sh", "json5", "promql", ""].contains(sample.language),
                    "\(sample.file):\(sample.line) is in '\(sample.language)', which no test knows"
                )
            }
        }

        @Test("manifests are valid")
        func manifestsAreValid() async throws {
            let manifests = try Self.manifests()
            #expect(!manifests.isEmpty)
            for manifest in manifests {
                let folder = manifest.dropLast("/Package.swift".count)
                let scratch = Repository.root + "/.build-packages/manifests"
                let described = try await Shell.run(
                    "timeout 120 swift package dump-package --package-path '\(folder)' --scratch-path '\(scratch)'"
                )
                #expect(described.status == 0)
                #expect(described.output.contains("\"Loopwatch\""), "\(manifest): \(described.output)")
            }
        }
    }
}
