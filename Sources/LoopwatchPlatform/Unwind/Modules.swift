// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import CLoopwatchRuntime

/// Code that is loaded in the process, and the table to unwind it with.
///
/// A module with two executable segments is two of them.
package struct Module {
    /// The executable segment.
    package let code: AddressedBytes
    /// The unwind table; `nil` if there is none that is understood.
    package let table: UnwindTable?
    /// Whether it can never be unloaded while the table is used.
    let isPermanent: Bool
    /// Whether code that the table does not describe always has its frame pointer in its register.
    package let keepsFramePointers: Bool

    /// Describes a module.
    ///
    /// - Parameters:
    ///   - code: the executable segment.
    ///   - table: the unwind table.
    ///   - isPermanent: whether it need not be asked whether it is there still.
    ///   - keepsFramePointers: whether code that the table does not describe always has its frame pointer in its register,
    ///     as code has that V8 generates.
    package init(
        code: AddressedBytes,
        table: UnwindTable?,
        isPermanent: Bool = false,
        keepsFramePointers: Bool = false
    ) {
        self.code = code
        self.table = table
        self.isPermanent = isPermanent
        self.keepsFramePointers = keepsFramePointers
    }

    /// Whether it is there still.
    fileprivate var isMapped: Bool { isPermanent || code.isMapped }
}

extension AddressedBytes {
    /// Whether something is mapped at the address of the first byte; another process's memory is copied as it is found.
    fileprivate var isMapped: Bool {
        if let pieces, pieces.isRemote { return true }
        return UnsafeRawPointer(bitPattern: UInt(address)).map { lw_is_mapped($0) != 0 } ?? false
    }
}

/// The modules of a process, for finding the code and the unwind table of an address.
///
/// The memory of modules of this process that were loaded with the program is read where it is mapped; that of others is
/// copied by the kernel as it is read, because it may be unmapped at any moment, or is another process's. One that was
/// unloaded is forgotten (``dropUnloaded()``), so that its copy is not taken for what is in its place.
package struct ModuleTable {
    /// The modules, by the address of their code.
    private(set) var modules: [Module] = []
    /// Segments that can be read, by address: where linkage tables have their pointers.
    private(set) var data: [AddressedBytes] = []
    /// Whether there is code without a table that always has its frame pointer in its register.
    private(set) var hasFramePointerCode = false
    /// What owns the copies.
    private var copies: [SegmentCopy] = []
    private let copiesAll: Bool
    private var counts = lw_module_counts()

    /// Creates a table of modules that need not be those of this process.
    ///
    /// - Parameters:
    ///   - modules: the modules.
    ///   - data: their segments that can be read.
    ///   - copies: the copies that those describe, which the table keeps.
    package init(modules: [Module], data: [AddressedBytes] = [], copies: [SegmentCopy] = []) {
        self.modules = modules.sorted { $0.code.address < $1.code.address }
        self.data = data.sorted { $0.address < $1.address }
        self.copies = copies
        hasFramePointerCode = modules.contains { $0.keepsFramePointers }
        copiesAll = false
    }

    /// Creates the table of this process; takes the loader's lock.
    ///
    /// - Parameter copiesAll: whether no module is taken for one that stays.
    package init(copiesAll: Bool = false) {
        self.copiesAll = copiesAll
        refresh(force: true)
    }

    /// Reads the table anew if a module was loaded or unloaded since; takes the loader's lock.
    ///
    /// - Returns: whether there was a change.
    @discardableResult
    package mutating func refresh(force: Bool = false) -> Bool {
        if !force {
            let now = lw_module_counts()
            if now.loaded == counts.loaded, now.unloaded == counts.unloaded { return false }
        }
        var listed = [lw_module_piece](repeating: lw_module_piece(), count: UnwindLimits.modulePiecesMost)
        let count = lw_list_module_pieces(&listed, listed.count, &counts)
        let pieces = listed.prefix(count)
        modules.removeAll(keepingCapacity: true)
        data.removeAll(keepingCapacity: true)
        copies.removeAll()
        var start = pieces.startIndex
        while start < pieces.endIndex {
            let end = pieces[start...].firstIndex { $0.module != pieces[start].module } ?? pieces.endIndex
            add(pieces[start..<end])
            start = end
        }
        modules.sort { $0.code.address < $1.code.address }
        data.sort { $0.address < $1.address }
        return true
    }

    /// Forgets modules that are not there any more, without asking the loader, which a blocked thread may hold.
    ///
    /// Costs 0.2 us for each module that was loaded after the program. What was loaded in the place of another in the meantime
    /// is read as that one, in bounds.
    ///
    /// - Returns: whether there was one.
    mutating func dropUnloaded() -> Bool {
        guard modules.contains(where: { !$0.isMapped }) else { return false }
        modules.removeAll { !$0.isMapped }
        data.removeAll { !$0.isMapped }
        return true
    }

    /// Adds what the pieces of one module hold.
    private mutating func add(_ pieces: ArraySlice<lw_module_piece>) {
        enum Access {
            static let execute: UInt16 = 1
            static let read: UInt16 = 4
        }
        var code: [AddressedBytes] = []
        var readable: [AddressedBytes] = []
        let isPermanent = !copiesAll && pieces.allSatisfy { $0.is_permanent != 0 }
        for piece in pieces where piece.is_unwind_header == 0 && piece.access & Access.read != 0 {
            let memory = UnsafeRawBufferPointer(
                start: UnsafeRawPointer(bitPattern: UInt(piece.address)),
                count: Int(clamping: piece.size)
            )
            guard let bytes = isPermanent ? AddressedBytes(memory, at: UInt64(piece.address)) : copied(piece) else {
                continue
            }
            readable.append(bytes)
            if piece.access & Access.execute != 0 { code.append(bytes) }
        }
        let header = pieces.first { $0.is_unwind_header != 0 }.map { UInt64($0.address) }
        let table = header.flatMap { header in
            readable.first { $0.contains(header) }.flatMap { UnwindTable($0, header: header) }
        }
        modules += code.map { Module(code: $0, table: table, isPermanent: isPermanent) }
        data += readable
    }

    /// A copy of a piece, to be made when it is needed.
    private mutating func copied(_ piece: lw_module_piece) -> AddressedBytes? {
        guard let copy = SegmentCopy(of: UInt64(piece.address), count: Int(clamping: piece.size)) else { return nil }
        copies.append(copy)
        return AddressedBytes(copy)
    }

    /// The module whose code holds an address.
    @inline(__always)
    package func module(at address: UInt64) -> Module? {
        modules.withUnsafeBufferPointer { modules in
            var low = 0
            var high = modules.count
            while low < high {
                let middle = (low + high) / 2
                if modules[middle].code.end <= address { low = middle + 1 } else { high = middle }
            }
            guard low < modules.count, modules[low].code.contains(address) else { return nil }
            return modules[low]
        }
    }

    /// Whether an address is one of code.
    @inline(__always)
    func holdsCode(_ address: UInt64) -> Bool { module(at: address) != nil }

    /// The word at an address in any segment that can be read.
    func word(at address: UInt64) -> UInt64? {
        data.withUnsafeBufferPointer { data in
            var low = 0
            var high = data.count
            while low < high {
                let middle = (low + high) / 2
                if data[middle].end <= address { low = middle + 1 } else { high = middle }
            }
            guard low < data.count, data[low].contains(address, count: 8) else { return nil }
            // Linkage tables change when functions are first called: a copy would be of another time.
            if let pieces = data[low].pieces { return pieces.presentWord(at: address) }
            let place = data[low].base + Int(address &- data[low].address)
            // The loader may be writing it: one load of an aligned word is never torn.
            guard UInt(bitPattern: place) % 8 == 0 else { return nil }
            return lw_load_word(place)
        }
    }
}
