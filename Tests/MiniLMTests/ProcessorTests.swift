// What a build needs of a processor, and how much of it a process may have. Oracles: /proc/cpuinfo, cgroups(7).

import CIntrinsics
import Foundation
import TestSupport
import Testing

@testable import Cores
@testable import MiniLM

@Suite struct ProcessorTests {
    private static let names = (0..<32).compactMap { number in
        unsafe cintrinsics_set_name(number).map { unsafe String(cString: $0) }
    }

    private func newestMissing(_ built: UInt32, _ present: UInt32) -> String? {
        unsafe cintrinsics_newest_missing(built, present).map { unsafe String(cString: $0) }
    }

    @Test func `a processor with all that a build uses lacks nothing`() {
        #expect(newestMissing(0, 0) == nil && newestMissing(0, .max) == nil)
        #expect(newestMissing(0b1011, 0b1011) == nil && newestMissing(0b1011, 0b1111) == nil)
    }

    @Test func `the newest of what is missing is named`() {
        for (number, name) in Self.names.enumerated() {
            let set: UInt32 = 1 << UInt32(number)
            #expect(newestMissing(set, ~set) == name)
            #expect(newestMissing(2 * set - 1, 0) == name)
        }
    }

    /// The tests' own build runs here.
    @Test func `this build is for this processor`() {
        #expect(Processor.missingInstructions == nil)
    }

    #if os(Linux) && arch(x86_64)
    @Test func `the sets of this processor are those the system tells of`() throws {
        let text = try String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)
        let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("flags") })
        let flags = Set(line.split(separator: " ").map { $0.filter { $0 != "_" } })
        #expect(Self.names.count > 20)
        for (number, name) in Self.names.enumerated() {
            let flag = ["sse3": "pni", "bmi": "bmi1", "lzcnt": "abm"][name] ?? name.filter { $0 != "." }
            #expect((cintrinsics_sets_of_processor() >> UInt32(number) & 1 == 1) == flags.contains(flag), "\(name)")
        }
    }
    #endif

    // MARK: - Quotas

    private typealias Group = ProcessorQuota.Group

    @Test func `groups of both versions are read`() {
        let text = "12:pids:/a\n4:cpu,cpuacct:/docker/1f\n1:name=systemd:/\n0::/user.slice/a:b\n"
        #expect(
            ProcessorQuota.groups(text) == [
                .processor(controllers: "cpu,cpuacct", path: "/docker/1f"), .unified(path: "/user.slice/a:b"),
            ])
    }

    @Test(arguments: [
        "", "\n\n", "0", "0::", "0:::", "0::a", "0::/../../etc", "0::/a/../..", "4:cpu", "4:cpu:", "4:../cpu,cpu:/",
        "4:cpuset:/", String(repeating: ":", count: 10_000), "\u{0}0::/",
    ])
    func `lines that are no groups are passed over`(text: String) {
        #expect(ProcessorQuota.groups(text).isEmpty)
    }

    @Test(arguments: [
        ("200000 100000\n", 2), ("50000 100000", 0.5), ("150000 100000\n", 1.5), ("1 9223372036854775807", 0x1p-63),
        ("9223372036854775807 1", 0x1p20),
    ])
    func `a quota is microseconds in a period`(text: String, cores: Double) {
        #expect(ProcessorQuota.quota(unified: text) == cores)
    }

    @Test(arguments: [
        "", "\n", "max 100000\n", "max", "100000", "0 100000", "100000 0", "-1 100000", "1 -1", "1 2 3", "1e5 100000",
        "nan 1", "99999999999999999999 1", "0x10 1", "１ １",
    ])
    func `what is no quota is none`(text: String) {
        #expect(ProcessorQuota.quota(unified: text) == nil)
    }

    @Test func `a group is within those around it`() {
        #expect(ProcessorQuota.ancestors(of: "/a/b") == ["/a/b", "/a", ""])
        #expect(ProcessorQuota.ancestors(of: "/") == [""])
        #expect(ProcessorQuota.ancestors(of: String(repeating: "/a", count: 10_000)).count == 65)
    }

    @Test func `what may be used is a core at least, and no more than the process is bound to`() {
        #expect(1...ProcessInfo.processInfo.activeProcessorCount ~= Cores.usable)
    }

    #if os(Linux)
    /// A file tree in place of the system's.
    private func quota(_ files: [String: String]) throws -> Double? {
        let folder = try TemporaryFolder()
        for (path, text) in files { _ = try folder.write(Array(text.utf8), to: path) }
        return ProcessorQuota.ofThisProcess(root: folder.path)
    }

    @Test func `the smallest quota of all groups counts`() throws {
        #expect(
            try quota([
                "proc/self/cgroup": "0::/pod/container\n", "sys/fs/cgroup/pod/container/cpu.max": "max 100000\n",
                "sys/fs/cgroup/pod/cpu.max": "300000 100000\n", "sys/fs/cgroup/cpu.max": "400000 100000\n",
            ]) == 3)
    }

    @Test func `a container sees its own group, whatever its path`() throws {
        #expect(
            try quota(["proc/self/cgroup": "0::/docker/1f\n", "sys/fs/cgroup/cpu.max": "200000 100000\n"]) == 2)
        #expect(
            try quota([
                "proc/self/cgroup": "4:cpu,cpuacct:/docker/1f\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "250000\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            ]) == 2.5)
    }

    @Test func `without a quota there is none`() throws {
        #expect(try quota([:]) == nil)
        #expect(try quota(["proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"]) == nil)
        #expect(
            try quota([
                "proc/self/cgroup": "4:cpu:/\n", "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            ]) == nil)
    }
    #endif
}
