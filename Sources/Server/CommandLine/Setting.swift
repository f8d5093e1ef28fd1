// Options that are flags, environment variables and defaults at once, declared in one place each.

import ArgumentParser
import Foundation

/// The environment, as the commands read it.
enum Environment {
    /// The variable's value; nil when it is not set or empty, as `VAR= command` means.
    static func value(_ name: String) -> String? {
        guard let value = ProcessInfo.processInfo.environment[name], !value.isEmpty else { return nil }
        return value
    }
}

/// An option's value: the flag if it was given, else the environment variable, else the default.
///
/// - Throws: `ValidationError` when the variable's value is not of the option's type.
func setting<Value: ExpressibleByArgument>(_ flag: Value?, _ variable: String, default fallback: Value) throws -> Value
{
    try optionalSetting(flag, variable) ?? fallback
}

/// The same without a default.
func optionalSetting<Value: ExpressibleByArgument>(_ flag: Value?, _ variable: String) throws -> Value? {
    if let flag { return flag }
    guard let text = Environment.value(variable) else { return nil }
    guard let value = Value(argument: text) else {
        throw ValidationError("The environment variable \(variable)='\(text)' is not a valid \(Value.self).")
    }
    return value
}
