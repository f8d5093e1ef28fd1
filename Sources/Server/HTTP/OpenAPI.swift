// /openapi.json: the API's description, written by hand in Resources/openapi.json and part of the binary.

enum OpenAPI {
    /// OpenAPI 3.1.0, with the operation ids of the API we replace.
    static let document = PackageResources.openapi_json
}
