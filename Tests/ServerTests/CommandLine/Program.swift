// The program as users run it: a process with arguments, files and signals.

import Foundation
import TestSupport

/// The built program, beside the test bundle.
struct Program {
    static let path: String = {
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
        return URL(filePath: bundle).deletingLastPathComponent().appending(path: "minilm").path
    }()

    struct Result: Sendable { var status: Int32, output: String, errors: String }

    /// Runs the program to its end.
    static func run(
        _ arguments: [String], input: String = "", environment: [String: String] = [:]
    ) async throws -> Result {
        try await blocking { try runToEnd(arguments, input: input, environment: environment) }
    }

    private static func runToEnd(_ arguments: [String], input: String, environment: [String: String]) throws -> Result {
        let process = process(arguments, environment)
        let (inputPipe, outputPipe, errorPipe) = (Pipe(), Pipe(), Pipe())
        process.standardInput = inputPipe
        process.standardOutput = outputPipe
        process.standardError = errorPipe
        try uninterrupted { try process.run() }
        try uninterrupted { try inputPipe.fileHandleForWriting.write(contentsOf: Data(input.utf8)) }
        try inputPipe.fileHandleForWriting.close()
        let output = try readToEnd(outputPipe)
        let errors = try readToEnd(errorPipe)
        process.waitUntilExit()
        return Result(
            status: process.terminationStatus, output: String(decoding: output, as: UTF8.self),
            errors: String(decoding: errors, as: UTF8.self)
        )
    }

    private static func readToEnd(_ pipe: Pipe) throws -> Data {
        var data = Data()
        while let piece = try uninterrupted({ try pipe.fileHandleForReading.read(upToCount: 1 << 16) }), !piece.isEmpty
        {
            data += piece
        }
        return data
    }

    /// Foundation on Linux does not try again when a signal for somebody else interrupts a system call, as happens when
    /// several processes end at once.
    private static func uninterrupted<Value>(_ body: () throws -> Value) throws -> Value {
        while true {
            do { return try body() } catch let error as CocoaError {
                guard (error.underlying as NSError?)?.code == Int(EINTR) else {
                    throw error
                }
            }
        }
    }

    static func process(_ arguments: [String], _ environment: [String: String] = [:]) -> Process {
        let process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        // Variables of the developer's own shell must not change what is tested.
        let kept = ProcessInfo.processInfo.environment.filter {
            ["PATH", "HOME", "LD_LIBRARY_PATH", "TMPDIR"].contains($0.key)
        }
        process.environment = kept.merging(["WEIGHTS": Weights.directory, "OLLAMA_HOST": "127.0.0.1:9"]) { $1 }
            .merging(environment) { $1 }
        return process
    }
}

/// A folder of its own that is gone when the object is.
final class ProgramFolder {
    let url = FileManager.default.temporaryDirectory.appending(path: "program-\(UUID().uuidString)")
    var path: String { url.path }

    init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(at: url) }

    /// Gives the path of a new file.
    func write(_ name: String, _ content: String) throws -> String {
        let file = url.appending(path: name)
        try Data(content.utf8).write(to: file)
        return file.path
    }
}
