// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// One case of the corpus: a program, and where it blocks.
public struct CorpusCase: Sendable, CustomStringConvertible {
    /// What blocks.
    public let program: any BlockingProgram.Type
    /// Where.
    public let place: Place

    /// Creates a case.
    init(_ program: any BlockingProgram.Type, at place: Place) {
        self.program = program
        self.place = place
    }

    /// Its name, in words that a shell does not mind.
    public var description: String { "\(program.way) on \(place.rawValue)" }

    /// The functions that are on the stack, or await what is, innermost first.
    public var expectedFunctions: [String] {
        place.asyncCallers.isEmpty ? program.functions : Array(program.functions.prefix(1)) + place.asyncCallers
    }

    /// The causes that are right: a pool all threads of which are held is starved, whatever holds them.
    public var expectedCauses: [String] { place == .swiftPool ? ["starvation"] + program.causes : program.causes }

    /// Every case: each way to block on an event loop, a selection elsewhere.
    public static let all: [CorpusCase] = Place.allCases.flatMap { place in
        BlockingPrograms.at(place).map { CorpusCase($0, at: place) }
    }
}

/// The programs.
enum BlockingPrograms {
    static let all: [any BlockingProgram.Type] = [
        UsleepProgram.self, NanosleepProgram.self, RecursionProgram.self, PollProgram.self, NestedLoopProgram.self,
        ReadProgram.self, ReceiveProgram.self, FsyncProgram.self, FlockProgram.self, PthreadMutexProgram.self,
        NSLockProgram.self, MutexProgram.self, SemaphoreProgram.self, ProcessProgram.self, ResolverProgram.self,
        DecodingProgram.self, RegexProgram.self, SortProgram.self, SpinProgram.self,
    ]

    /// The programs that are run at a place.
    static func at(_ place: Place) -> [any BlockingProgram.Type] {
        switch place {
        case .eventLoop: all
        case .eventLoopActor: [UsleepProgram.self, PthreadMutexProgram.self, RegexProgram.self]
        case .dispatchQueue:
            [
                UsleepProgram.self, ReadProgram.self, MutexProgram.self, SemaphoreProgram.self, DecodingProgram.self,
                SpinProgram.self,
            ]
        case .mainActor: [PollProgram.self, NSLockProgram.self, SortProgram.self]
        case .mainActorAsync: [NanosleepProgram.self, ReceiveProgram.self, SpinProgram.self]
        case .swiftPool:
            [
                UsleepProgram.self, SemaphoreProgram.self, ReadProgram.self, DecodingProgram.self, SpinProgram.self,
            ]
        }
    }

    /// Every function that any program has: one that is on a stack and not in its case's truth is a false frame.
    static let functions = Set(all.flatMap { $0.functions } + Place.allCases.flatMap { $0.asyncCallers })
}
