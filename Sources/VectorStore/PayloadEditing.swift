// What payload operations do to a payload, as Qdrant's do.

extension JSONObject {
    /// Sets the members of `other`; a null takes the member out.
    mutating func merge(_ other: JSONObject) {
        for (key, value) in other {
            // Not with `?:`, for which nil would be JSON's null.
            if value == .null { remove(key) } else { self[key] = value }
        }
    }

    /// Merges `other` into the objects at the path. What is no object where one is needed becomes one; what is no array where one
    /// is needed becomes an empty one, and no array becomes longer.
    mutating func merge(_ other: JSONObject, at path: PayloadPath) {
        var value = JSONValue.object(self)
        value.update(path.steps[...]) { target in
            var object = target?.object ?? [:]
            object.merge(other)
            target = .object(object)
        }
        self = value.object ?? self
    }

    /// Takes out what is at the path: members of objects, with `[]` every element, with a number none.
    mutating func remove(_ path: PayloadPath) {
        var value = JSONValue.object(self)
        value.remove(path.steps[...])
        self = value.object ?? self
    }
}

extension JSONValue {
    fileprivate mutating func update(_ steps: ArraySlice<PayloadPath.Step>, _ body: (inout JSONValue?) -> Void) {
        guard let step = steps.first else { return }
        let rest = steps.dropFirst()
        func descend(_ value: inout JSONValue?) {
            if rest.isEmpty { return body(&value) }
            // The next step says what has to be here.
            if case .member = rest.first {
                if value?.object == nil { value = .object([:]) }
            } else if value?.array == nil {
                value = .array([])
            }
            value?.update(rest, body)
        }
        switch (step, self) {
        case (.member(let name), .object(var members)):
            var member = members[name]
            descend(&member)
            members[name] = member
            self = .object(members)
        case (.index(let index), .array(var elements)) where index < elements.count:
            var element = Optional(elements[index])
            descend(&element)
            elements[index] = element ?? .null
            self = .array(elements)
        case (.each, .array(let elements)):
            self = .array(
                elements.map { element in
                    var element = Optional(element)
                    descend(&element)
                    return element ?? .null
                })
        default: break
        }
    }

    fileprivate mutating func remove(_ steps: ArraySlice<PayloadPath.Step>) {
        guard let step = steps.first else { return }
        let rest = steps.dropFirst()
        switch (step, self) {
        case (.member(let name), .object(var members)):
            if rest.isEmpty {
                members[name] = nil
            } else if var member = members[name] {
                member.remove(rest)
                members[name] = member
            }
            self = .object(members)
        case (.index(let index), .array(var elements)) where index < elements.count && !rest.isEmpty:
            elements[index].remove(rest)
            self = .array(elements)
        case (.each, .array(let elements)):
            self =
                rest.isEmpty
                ? []
                : .array(
                    elements.map {
                        var element = $0; element.remove(rest); return element
                    })
        default: break
        }
    }
}

extension PayloadSelection {
    /// The part of a payload that is wanted; nil for none of it.
    public func select(from payload: JSONObject) -> JSONObject? {
        switch self {
        case .none: return nil
        case .all: return payload
        case .include(let paths):
            return Self.include(.object(payload), paths.map { $0.steps[...] })?.object ?? [:]
        case .exclude(let paths):
            var rest = payload
            // A path that counts elements excludes nothing, as in Qdrant.
            for path in paths where !path.steps.contains(where: \.isIndex) { rest.remove(path) }
            return rest
        }
    }

    /// The value without what no path leads to; of an array the elements that `[]` leads to.
    private static func include(_ value: JSONValue, _ paths: [ArraySlice<PayloadPath.Step>]) -> JSONValue? {
        if paths.contains(where: \.isEmpty) { return value }
        switch value {
        case .object(let members):
            var kept: JSONObject = [:]
            for (name, member) in members {
                let further = paths.filter { $0.first == .member(name) }.map { $0.dropFirst() }
                if !further.isEmpty, let part = include(member, further) { kept[name] = part }
            }
            return .object(kept)
        case .array(let elements):
            let further = paths.filter { $0.first == .each }.map { $0.dropFirst() }
            return .array(further.isEmpty ? [] : elements.compactMap { include($0, further) })
        default: return value
        }
    }
}
