// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// A request that passed every check, as a responder sees it.
package struct HTTPRequest: Sendable {
    /// The methods that are served.
    package enum Method: Sendable {
        /// Asks for a resource.
        case get
        /// Asks for the header fields only; the server leaves the body out by itself.
        case head
    }

    /// The method.
    package var method: Method
    /// The path, percent-decoded once, without the query.
    package var path: String
    /// The parameters of the query in their order, decoded.
    package var query: [(name: String, value: String)]
    private var fields: [HTTPField]

    /// Creates a request; the names of the header fields may have any case.
    package init(
        method: Method,
        path: String,
        query: [(name: String, value: String)] = [],
        headers: [(name: String, value: String)] = []
    ) {
        self.init(
            method: method,
            path: path,
            query: query,
            fields: headers.map { HTTPField(name: $0.name.lowercased(), value: $0.value) }
        )
    }

    /// Creates a request from the fields of its head.
    init(method: Method, path: String, query: [(name: String, value: String)], fields: [HTTPField]) {
        self.method = method
        self.path = path
        self.query = query
        self.fields = fields
    }

    /// The first value of a header field, by its name in lower case.
    package func header(_ lowercasedName: String) -> String? {
        fields.first { $0.name == lowercasedName }?.value
    }
}
