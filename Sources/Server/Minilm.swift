@main
struct Minilm {
    static func main() async {}
}
