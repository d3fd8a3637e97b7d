// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchCore
import LoopwatchHTTP
import LoopwatchPlatform
import Testing

/// In processes of their own, since descriptors belong to all tests of a process.
@Suite("A server and the descriptors of its process")
struct HTTPServerDescriptorTests {
    @Test("without a descriptor left a client is told, an idle one makes room, and later all is well again")
    func noneLeft() async {
        await #expect(processExitsWith: .success) {
            try withServer { server in
                let first = try server.connect()
                try first.request("/hello")
                #expect(try first.response().status == 200)
                var taken: [CInt] = []
                var limit = rlimit(rlim_cur: 256, rlim_max: 256)
                setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
                while true {
                    let descriptor = dup(0)
                    if descriptor < 0 { break }
                    taken.append(descriptor)
                }
                // One for the client's own side; the server's is that of the idle connection, which is closed.
                close(taken.removeLast())
                let second = try server.connect()
                try second.request("/hello")
                #expect(try second.response().status == 200)
                #expect(try first.isAtEnd())
                // Now nobody is idle, so it takes the spare one to say no.
                try second.send("GET")
                try eventually("the server reads") { server.statistics.openConnections == 1 }
                close(taken.removeLast())
                let third = try server.connect()
                #expect(try third.response().status == 503)
                #expect(server.count(.overload) == 1)
                for descriptor in taken { close(descriptor) }
                let fourth = try server.connect()
                try fourth.request("/hello")
                #expect(try fourth.response().status == 200)
            }
        }
    }

    @Test("no descriptor stays open, whatever clients and servers do")
    func noneLeaks() async {
        await #expect(processExitsWith: .success) {
            func openDescriptors() -> Int { (0..<1_024).count { fcntl($0, F_GETFD) >= 0 } }
            let before = openDescriptors()
            for _ in 0..<20 {
                try withServer { server in
                    for request in ["", "GET", "POST / HTTP/1.1\r\n\r\n", "GET /hello HTTP/1.0\r\n\r\n"] {
                        let client = try server.connect()
                        try client.send(request)
                    }
                    let client = try server.connect()
                    try client.request("/stream")
                    #expect(try client.response().status == 200)
                }
                #expect(throws: SystemError.self) {
                    try HTTPServer(address: .tcp(host: "192.0.2.1", port: 0), responder: TestResponder())
                }
            }
            // The test's own runtime opens a few meanwhile; a leak in every round would be twenty at least.
            #expect(openDescriptors() < before + 10)
        }
    }
}
