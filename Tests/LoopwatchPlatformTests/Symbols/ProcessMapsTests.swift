// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import LoopwatchPlatform

@Suite("The table of mappings")
struct ProcessMapsTests {
    private let text = """
        55d0c0a00000-55d0c0a10000 r--p 00000000 fe:01 1234                       /srv/my app/App
        55d0c0a10000-55d0c0a40000 r-xp 0000f000 fe:01 1234                       /srv/my app/App
        55d0c0a40000-55d0c0a50000 rw-p 0003f000 fe:01 1234                       /srv/my app/App
        55d0c0a50000-55d0c0a60000 rw-p 00000000 00:00 0
        55d0c1000000-55d0c1100000 rw-p 00000000 00:00 0                          [heap]
        7f0000000000-7f0000040000 r--p 00000000 fe:01 1234                       /srv/my app/App
        7f0000100000-7f0000110000 r--p 00000000 fe:01 99                         /lib/libc.so.6
        7f0000110000-7f0000200000 r-xp 00010000 fe:01 99                         /lib/libc.so.6
        7f0000200000-7f0000210000 r-xp 00100000 fe:01 99                         /lib/libc.so.6
        7f0000300000-7f0000400000 r--s 00000000 fe:01 55                         /data/table.db
        7f0000500000-7f0000600000 r-xp 00000000 fe:01 77                         /srv/old.so (deleted)
        7f0000700000-7f0000800000 rwxp 00000000 00:00 0
        7ffd0000e000-7ffd00012000 r--p 00000000 00:00 0                          [vvar]
        7ffd00012000-7ffd00014000 r-xp 00000000 00:00 0                          [vdso]
        ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
        """

    @Test("binaries are found where they run, and not where they are read as data")
    func places() {
        #expect(
            ProcessMaps.places(maps: text.utf8) == [
                .init(
                    path: "/srv/my app/App",
                    base: 0x55d0_c0a0_0000,
                    textStart: 0x55d0_c0a1_0000,
                    textEnd: 0x55d0_c0a4_0000,
                    inode: 1_234
                ),
                .init(
                    path: "/lib/libc.so.6",
                    base: 0x7f00_0010_0000,
                    textStart: 0x7f00_0011_0000,
                    textEnd: 0x7f00_0021_0000,
                    inode: 99
                ),
                .init(
                    path: "/srv/old.so (deleted)",
                    base: 0x7f00_0050_0000,
                    textStart: 0x7f00_0050_0000,
                    textEnd: 0x7f00_0060_0000,
                    inode: 77
                ),
                .init(path: "[vdso]", base: 0x7ffd_0001_2000, textStart: 0x7ffd_0001_2000, textEnd: 0x7ffd_0001_4000),
            ]
        )
    }

    @Test("memory that a process takes or gives back is no code, and what may be executed or has a file is")
    func linesOfCode() {
        let lines = ProcessMaps.linesOfCode(maps: Array(text.utf8))
        let dropped = [
            "55d0c0a50000-55d0c0a60000 rw-p 00000000 00:00 0\n",
            "55d0c1000000-55d0c1100000 rw-p 00000000 00:00 0                          [heap]\n",
            "7ffd0000e000-7ffd00012000 r--p 00000000 00:00 0                          [vvar]\n",
        ]
        var expected = text
        for line in dropped { expected.replace(line, with: "") }
        #expect(String(decoding: lines, as: UTF8.self) == expected)
        #expect(expected.utf8.count == text.utf8.count - dropped.joined().utf8.count)
        for text in ["", "\n\n", "-", "a b", "1-2 r--p 0 0", "1-2 r--p 0 0 0"] {
            #expect(ProcessMaps.linesOfCode(maps: Array(text.utf8)).isEmpty, "\(text)")
        }
    }

    @Test("text that is no table yields nothing and does not trap")
    func garbage() {
        for text in ["", "\n\n", "-", "1-0 r-xp 0 0 1 /a", "a-b", "zz-zz r-xp 0 0 1 /a", "1-2 r 0 0 1 /a"] {
            #expect(ProcessMaps.places(maps: text.utf8).isEmpty, "\(text)")
        }
        #expect(ProcessMaps.places(maps: "1000-2000 r-xp ffffffffffffffff 0 1 /a".utf8).map(\.base) == [0x1000])
    }

    @Test("this process is in its own table, with the addresses that its symbols have")
    func live() throws {
        let table = ImageTable.capture()
        let executable = try #require(table.images.first { "/" + $0.path.dropFirst() == ImageTable.executablePath() })
        #expect(executable.isELF && executable.origin == .host)
        #expect(executable.bias == executable.base)
        #expect(table.images.contains { $0.name.hasPrefix("libc.so") && $0.origin == .system })
        #expect(table.image(holding: executable.textStart) == executable)
        #expect(table.image(holding: executable.textEnd - 1) == executable)
        #expect(table.image(holding: 0) == nil)
        #expect(table.image(holding: .max) == nil)
    }
}
