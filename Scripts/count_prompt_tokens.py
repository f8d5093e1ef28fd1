#!/usr/bin/env python3
"""Writes Tests/ServerTests/Generation/PromptTokenCounts.swift: how many tokens chat models make of some kinds of text.

Needs the embedding model's vocabulary (make weights) and the tokenizers that two packages carry with them:

    python3 -m venv .venv
    .venv/bin/pip install --no-deps llama-models==0.3.0 mistral-common==1.13.1
    .venv/bin/pip install tiktoken==0.14.0 sentencepiece==0.2.3 tokenizers==0.22.1
    .venv/bin/python Scripts/count_prompt_tokens.py
"""

import base64
import importlib.util
import json
import pathlib

import sentencepiece
import tiktoken
from tokenizers import BertWordPieceTokenizer

# One text for each kind that people index, and some that are hard to count.
TEXTS = {
    "english prose": (
        "The municipal market opens at seven in the morning and closes at two in the afternoon, except on "
        "Sundays. Visitors who arrive by train should leave the station through the southern exit and follow "
        "the river for about ten minutes."
    ),
    "portuguese prose": (
        "O mercado municipal abre às sete da manhã e fecha às duas da tarde, exceto aos domingos. Quem chega "
        "de comboio deve sair da estação pela porta sul e seguir o rio durante cerca de dez minutos. As "
        "informações não são atualizadas à noite."
    ),
    "portuguese administration": (
        "Não obstante o disposto na alínea c) do n.º 2 do artigo 14.º, a prestação de serviços "
        "transfronteiriços pressupõe a comunicação prévia, por via eletrónica, à autoridade competente, sob "
        "pena de inelegibilidade das despesas."
    ),
    "spanish prose": (
        "El ayuntamiento publicó ayer el horario de verano: las piscinas abrirán de diez a ocho, y los niños "
        "menores de seis años entrarán gratis acompañados por un adulto."
    ),
    "german prose": (
        "Die Gemeindeverwaltung weist darauf hin, dass Grundstückseigentümer verpflichtet sind, Gehwege vor "
        "ihren Häusern zwischen sieben und zwanzig Uhr von Schnee zu räumen."
    ),
    "finnish prose": (
        "Kunnallinen kauppahalli avataan aamulla kello seitsemän ja suljetaan iltapäivällä kello kahdelta, "
        "sunnuntaita lukuun ottamatta. Junalla saapuvien matkustajien kannattaa poistua asemalta eteläisen "
        "uloskäynnin kautta."
    ),
    "indonesian prose": (
        "Pasar kota dibuka pukul tujuh pagi dan ditutup pukul dua siang, kecuali hari Minggu. Pengunjung "
        "yang datang dengan kereta api sebaiknya keluar melalui pintu selatan dan menyusuri sungai."
    ),
    "polish prose": (
        "Targ miejski otwiera się o siódmej rano i zamyka o drugiej po południu, z wyjątkiem niedziel. "
        "Źródło: urząd gminy, część druga, załącznik żółty."
    ),
    "turkish prose": (
        "Belediye pazarı sabah yedide açılır ve pazar günleri dışında öğleden sonra ikide kapanır. "
        "Değişiklikler önceden duyurulacaktır; şikâyetlerinizi danışmaya iletebilirsiniz."
    ),
    "vietnamese prose": (
        "Chợ thành phố mở cửa lúc bảy giờ sáng và đóng cửa lúc hai giờ chiều, trừ ngày chủ nhật. Du khách "
        "đến bằng tàu hỏa nên ra khỏi ga bằng lối phía nam."
    ),
    "letters at random": "xkqjzvwp bnrtlkds qwzxcvbn mlkjhgfd zxqwvbnk plmoknij wsxqazed rfvtgbyh",
    "amino acids": (
        "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVGDGTQDNLSGAEKAVQVKVKALPDAQFEVVHSLAKWKRQTLGQHDFSAGEGLYTHMKALR"
        "PDEDRLSPLHSVYVDQWDWE"
    ),
    "capitals": (
        "AVISO: ENCERRAMENTO DOS SERVIÇOS ADMINISTRATIVOS NO DIA SEGUINTE. OS PEDIDOS URGENTES DEVEM SER "
        "DIRIGIDOS À PORTARIA."
    ),
    "table": (
        "| ano | receita | despesa | saldo |\n|---|---|---|---|\n| 2021 | 1.204.331,50 | 987.220,17 | "
        "217.111,33 |\n| 2022 | 1.377.002,08 | 1.101.943,64 | 275.058,44 |\n"
    ),
    "code": (
        "func leave() {\n    let next = state.withLock { state -> Waiter? in\n        guard "
        "!state.waiters.isEmpty else {\n            state.running -= 1\n            return nil\n        }\n      "
        "  return state.waiters.removeFirst()\n    }\n}\n"
    ),
    "json": (
        "{\"id\":42,\"title\":\"Faro\",\"tags\":[\"cidade\",\"algarve\"],\"geo\":{\"lat\":37.0194,\"lon\":-7.930"
        "4},\"open\":true,\"notes\":null}"
    ),
    "addresses": (
        "https://www.example.org/pt/documentos/2024/07/31/relatorio-final_v2.pdf?download=1&lang=pt#page=17 "
        "maria.silva+faro@example.org +351 289 000 000 IBAN PT50 0002 0123 1234 5678 9015 4"
    ),
    "base64": base64.b64encode(bytes((i * 73 + 41) % 256 for i in range(150))).decode(),
    "hexadecimal": bytes((i * 73 + 41) % 256 for i in range(100)).hex(),
    "whitespace": "a\n\n\n\nb\t\tc        d\r\n\r\n  e\n" * 6,
    "russian": (
        "Городской рынок открывается в семь часов утра и закрывается в два часа дня, кроме воскресенья. "
        "Билеты продаются у входа."
    ),
    "greek": (
        "Η δημοτική αγορά ανοίγει στις επτά το πρωί και κλείνει στις δύο το μεσημέρι, εκτός από τις Κυριακές."
    ),
    "arabic": (
        "يفتح السوق البلدي أبوابه في الساعة السابعة صباحا ويغلق في الساعة الثانية بعد الظهر ما عدا يوم الأحد."
    ),
    "hebrew": "השוק העירוני נפתח בשבע בבוקר ונסגר בשתיים בצהריים, למעט בימי ראשון.",
    "hindi": "नगर बाज़ार सुबह सात बजे खुलता है और दोपहर दो बजे बंद हो जाता है, रविवार को छोड़कर।",
    "thai": "ตลาดเทศบาลเปิดเวลาเจ็ดโมงเช้าและปิดเวลาบ่ายสองโมง ยกเว้นวันอาทิตย์",
    "chinese": "市政市场早上七点开门，下午两点关门，星期日除外。乘火车到达的游客应从南出口离开车站，沿河步行约十分钟。",
    "japanese": "市営市場は朝七時に開き、日曜日を除いて午後二時に閉まります。電車で来る人は南口から出て、川沿いに十分ほど歩いてください。",
    "korean": "시립 시장은 아침 일곱 시에 열고 오후 두 시에 닫으며 일요일에는 쉽니다. 기차로 오는 사람은 남쪽 출구로 나와 강을 따라 걸으십시오.",
    "georgian": "მუნიციპალური ბაზარი იხსნება დილის შვიდ საათზე და იხურება ორ საათზე, კვირის გარდა.",
    "amharic": "የማዘጋጃ ቤቱ ገበያ ከጠዋቱ አንድ ሰዓት ይከፈታል፤ ከእሑድ በስተቀር።",
    "emoji": "👍🏽 🏖️ 👨‍👩‍👧‍👦 🇵🇹 ❤️ 😂😂😂 🥐☕️",
    "mathematics": "∀ε>0 ∃δ>0: |x−a|<δ ⇒ |f(x)−f(a)|<ε; ∑ᵢ₌₁ⁿ i² = n(n+1)(2n+1)/6 ≈ ⅓n³",
    "accents everywhere": "àáâãäå èéêë ìíîï òóôõö ùúûü çñý ÀÉÍÓÚ ÇÃÕ ăąćčďđęěğ łńňőœřśşšţťůűźżž",
    "typography": "— «Não», disse ela… “Nunca!” – 10 ‰ • § 3.º, 1.ª ed. © 2024 ½ kg, 20 °C, 5 €",
}


def package(name):
    return pathlib.Path(importlib.util.find_spec(name).submodule_search_locations[0])


def tiktoken_vocabulary(path, pattern):
    ranks = {}
    for line in path.read_bytes().splitlines():
        token, rank = line.split()
        ranks[base64.b64decode(token)] = int(rank)
    return tiktoken.Encoding(path.parent.name, pat_str=pattern, mergeable_ranks=ranks, special_tokens={})


def counters():
    llama = package("llama_models")
    mistral = package("mistral_common") / "data"
    # The split pattern published with the vocabulary.
    llama3 = (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
        r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    )
    tekken = json.loads((mistral / "tekken_240911.json").read_text())
    size = tekken["config"]["default_vocab_size"] - tekken["config"]["default_num_special_tokens"]
    ranks = {base64.b64decode(entry["token_bytes"]): entry["rank"] for entry in tekken["vocab"][:size]}
    encodings = [
        tiktoken_vocabulary(llama / "llama3/tokenizer.model", llama3),
        tiktoken.Encoding("tekken", pat_str=tekken["config"]["pattern"], mergeable_ranks=ranks, special_tokens={}),
    ]
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(mistral / "tokenizer.model.v1"))
    return [encoding.encode for encoding in encodings] + [pieces.encode]


HEADER = """\
// How many tokens chat models make of some kinds of text: the oracle of PromptBudget's estimate.
//
// Written by Scripts/count_prompt_tokens.py: do not edit. `tokens` is the largest count over the vocabularies of
// Llama 3 (128k), Mistral 7B v0.1 (32k, the kind of Llama 2 and Phi 3) and Mistral's Tekken (131k), without special tokens;
// `wordPieces` is all-MiniLM-L6-v2's own. One JSON object a line.

"""


def main():
    root = pathlib.Path(__file__).parent.parent
    word_pieces = BertWordPieceTokenizer(str(root / "weights/all-MiniLM-L6-v2/vocab.txt"), lowercase=True)
    encoders = counters()
    lines = []
    for kind, text in TEXTS.items():
        tokens = max(len(encode(text)) for encode in encoders)
        pieces = len(word_pieces.encode(text, add_special_tokens=False).ids)
        row = {"kind": kind, "wordPieces": pieces, "tokens": tokens, "text": text}
        lines.append("    " + json.dumps(row, ensure_ascii=False))
    table = 'let promptTokenCounts = #"""\n' + "\n".join(lines) + '\n    """#\n'
    (root / "Tests/ServerTests/Generation/PromptTokenCounts.swift").write_text(HEADER + table, encoding="utf-8")


if __name__ == "__main__":
    main()
