"""The comparison as a table and as a chart."""

import statistics
from html import escape

OURS = "minilm "


def median_ratio(ours, theirs):
    """The median of ours / theirs within rounds, with the spread."""
    ratios = [a / b for a, b in zip(ours, theirs)]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"


def best(result, name, key, pick, float32):
    """The best peer of a set or a latency: of float32 only, or of any precision."""
    peers = {
        engine: statistics.median(record[key][name]) for engine, record in result["engines"].items()
        if not engine.startswith(OURS) and (record["float32"] or not float32)}
    return pick(peers, key=peers.get) if peers else None


def markdown(result):
    engines, sets = result["engines"], result["sets"]
    lines = [
        "# Embedding beside other engines", "",
        f"{result['machine']}; {result['threads']} threads, {result['rounds']} interleaved rounds, load "
        f"{result['load_at_start']:.2f} at the start. Real tokens a second, tokenisation included, medians; p50 of single calls.",
        "", "| engine | " + " | ".join(f"{name} ({sets[name]['tokens'] // sets[name]['texts']} tokens)" for name in sets)
        + " | 10 tokens | 256 tokens | memory | start |", "|---|" + "---|" * (len(sets) + 4)]
    for name, record in engines.items():
        rates = [f"{statistics.median(record['rates'][key]):,.0f}" for key in sets]
        times = [f"{statistics.median(record['latency'][key]) * 1e3:.2f} ms" for key in ("10", "256")]
        lines.append(
            f"| {name} | " + " | ".join(rates + times)
            + f" | {(record['peak_bytes'] or 0) / 1e6:.0f} MB | {record['cold_start']:.2f} s |")
    ours = [name for name in engines if name.startswith(OURS)]
    lines += ["", "Ours over each, tokens a second within rounds, median (spread):", "",
              "| engine | " + " | ".join(f"{name}: {key}" for key in sets for name in ours) + " |",
              "|---|" + "---|" * (len(sets) * len(ours))]
    for name in (name for name in engines if not name.startswith(OURS)):
        cells = [median_ratio(engines[one]["rates"][key], engines[name]["rates"][key]) for key in sets for one in ours]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += ["", "Over the best of them; for times below 1 is faster:", "",
              "| ours | against | " + " | ".join(sets) + " | 10 tokens | 256 tokens |", "|---|---|" + "---|" * (len(sets) + 2)]
    for one in ours:
        for label, float32 in (("the best float32 peer", True), ("the best peer of any precision", False)):
            cells = []
            for key in sets:
                peer = best(result, key, "rates", max, float32)
                cells.append(
                    f"{median_ratio(engines[one]['rates'][key], engines[peer]['rates'][key])} {peer}" if peer else "")
            for key in ("10", "256"):
                peer = best(result, key, "latency", min, float32)
                cells.append(
                    f"{median_ratio(engines[one]['latency'][key], engines[peer]['latency'][key])} {peer}" if peer else "")
            lines.append(f"| {one} | {label} | " + " | ".join(cells) + " |")
    settings = [f"{name} {chosen(record, sets)}" for name, record in engines.items() if record["settings"]]
    if settings:
        lines += ["", f"Batch sizes that were best in the calibration ({', '.join(sets)}): {'; '.join(settings)}."]
    measured = {name: record["accuracy"] for name, record in engines.items() if "accuracy" in record}
    if measured:
        lines += accuracy_table(measured, result["mixed_texts"])
    packages = ("torch", "transformers", "sentence-transformers", "onnxruntime", "openvino", "nncf", "ctranslate2", "fastembed",
                "llama_cpp_python")
    lines += ["", ", ".join(v for v in result["versions"] if v.split("==")[0] in packages) + "."]
    for name, reason in result["skipped"].items():
        lines.append(f"\nLeft out: {name}, {reason}")
    return "\n".join(lines) + "\n"


def chosen(record, sets):
    """An engine's batch sizes, and its layouts if it has several."""
    settings = [record["settings"][key] for key in sets]
    return ", ".join(f"{one['batch_size']}" + (f" {one['layout']}" if one["layout"] else "") for one in settings)


def accuracy_table(measured, texts):
    lines = ["", f"Against float32 PyTorch on the {texts:,} mixed texts:", "",
             "| engine | mean cosine | worst cosine | Spearman of pair similarities | top-10 kept | largest difference |",
             "|---|---|---|---|---|---|"]
    for name, a in measured.items():
        lines.append(
            f"| {name} | {a['mean_cosine']:.7f} | {a['worst_cosine']:.6f} | {a['spearman']:.7f} | "
            f"{a['top10_kept'] * 100:.2f} % | {a['largest_difference']:.1e} |")
    return lines


def svg(result):
    """Bars of tokens a second, a group an engine, a bar a set."""
    engines, sets = result["engines"], list(result["sets"])
    colours = ["#3b6ea5", "#7aa6d1", "#b9d0e8"]
    largest = max(statistics.median(r["rates"][s]) for r in engines.values() for s in sets)
    left, width, bar, gap = 210, 820, 11, 12
    y, body = 50, []
    for name, record in engines.items():
        height = bar * len(sets)
        body.append(f'<text x="{left - 8}" y="{y + height / 2 + 4}" text-anchor="end">{escape(name)}</text>')
        for index, key in enumerate(sets):
            rate = statistics.median(record["rates"][key])
            length = (width - left - 80) * rate / largest
            body.append(f'<rect x="{left}" y="{y}" width="{length:.1f}" height="{bar - 1}" fill="{colours[index % 3]}"/>')
            body.append(f'<text x="{left + length + 5:.1f}" y="{y + bar - 2}" font-size="10">{rate:,.0f}</text>')
            y += bar
        y += gap
    legend = "".join(
        f'<rect x="{left + 90 * i}" y="{y}" width="10" height="10" fill="{colours[i % 3]}"/>'
        f'<text x="{left + 90 * i + 14}" y="{y + 10}">{escape(key)}</text>' for i, key in enumerate(sets))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y + 30}" font-family="sans-serif" font-size="12">'
        f'<rect width="100%" height="100%" fill="white"/><text x="16" y="26" font-size="16">Tokens per second</text>'
        + "".join(body) + legend + "</svg>\n")
