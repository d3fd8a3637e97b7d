// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import LoopwatchPlatform

@Suite("Names of native code")
struct CodeNamesTests {
    @Test(
        "lose their arguments",
        arguments: [
            ("node::Start(int, char**)", "node::Start"), ("main", "main"),
            (
                "v8::internal::(anonymous namespace)::Invoke(v8::internal::Isolate*)",
                "v8::internal::(anonymous namespace)::Invoke"
            ),
            ("std::function<void (int)>::operator()(int) const", "std::function<void (int)>::operator()"),
            ("void f<int (*)(char)>(int)", "void f<int (*)(char)>"),
            ("(anonymous namespace)::f(int)", "(anonymous namespace)::f"),
            ("a::operator<(a const&, a const&)", "a::operator<(a const&, a const&)"), ("", ""),
        ]
    )
    func arguments(name: String, shown: String) {
        #expect(CodeNames.withoutArguments(name) == shown)
    }

    @Test("of C++ are demangled where the runtime can")
    func cPlusPlus() {
        let name = CodeNames.cPlusPlusName("_ZN4node5StartEiPPc")
        #expect(name == nil || name == "node::Start")
        #expect(CodeNames.cPlusPlusName("main") == nil && CodeNames.cPlusPlusName("_Znonsense") == nil)
    }

    @Test("the last line of a perf map that holds an address names it")
    func perfMap() {
        let text = """
            7f0000001000 100 JS:~old file.js:1
            zz 10 not a line
            7f0000001000 80 JS:*pay /app/shop.js:3
            7f0000002000 0 nothing
            ffffffffffffffff 10 beyond
            7f0000003000 20
            """
        let map = PerfMap(Array(text.utf8))
        #expect(map.name(at: 0x7f00_0000_1000) == "JS:*pay /app/shop.js:3")
        #expect(map.name(at: 0x7f00_0000_1080) == "JS:~old file.js:1")
        #expect(map.name(at: 0x7f00_0000_1100) == nil && map.name(at: 0x7f00_0000_2000) == nil)
        #expect(map.name(at: 0x7f00_0000_3000) == nil)
        #expect(PerfMap([]).name(at: 1) == nil)
    }

    @Test("code that no binary accounts for is found")
    func codeRanges() {
        let maps = """
            00400000-00500000 r-xp 00000000 fe:00 12     /usr/bin/node
            01000000-01002000 rwxp 00000000 00:00 0
            01002000-01003000 r-xp 00000000 00:00 0      [anon:v8]
            02000000-02001000 rw-p 00000000 00:00 0
            03000000-03008000 r-xp 0195e000 fe:00 12     /usr/bin/node
            04000000-04001000 r-xp 00000000 00:00 0      [vdso]
            ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]
            nonsense
            """
        let all = CodeRange.all(maps: Array(maps.utf8))
        #expect(all.map(\.start) == [0x40_0000, 0x100_0000, 0x300_0000, 0x400_0000])
        let rest = CodeRange.unaccounted(
            all,
            binaries: [CodeRange(start: 0x40_0000, end: 0x50_0000), CodeRange(start: 0x400_0000, end: 0x400_1000)]
        )
        #expect(
            rest == [
                CodeRange(start: 0x100_0000, end: 0x100_3000), CodeRange(start: 0x300_0000, end: 0x300_8000),
            ]
        )
        let parts = CodeRange.unaccounted(
            [CodeRange(start: 0x1000, end: 0x9000)],
            binaries: [CodeRange(start: 0x2000, end: 0x3000), CodeRange(start: 0x8000, end: 0xa000)]
        )
        #expect(parts == [CodeRange(start: 0x1000, end: 0x2000), CodeRange(start: 0x3000, end: 0x8000)])
    }
}
