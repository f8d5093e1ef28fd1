#!/usr/bin/env python3
"""Writes Tests/MiniLMTests/Goldens/tokenizer.json: ids and offsets of some hundred texts by Hugging Face's tokenizer.

The reference is BertTokenizerFast (versions pinned in requirements.txt). Offsets are converted from its characters to
UTF-8 bytes. Four settings: the uncased default for every text, and three others with the same vocabulary.

    python3 -m venv .venv && .venv/bin/pip install -r Scripts/requirements.txt
    .venv/bin/python Scripts/make_tokenizer_goldens.py weights/all-MiniLM-L6-v2
"""

import json
import pathlib
import random
import sys
import unicodedata

import tokenizers
import transformers
from tokenizers.normalizers import NFD

SETTINGS = [
    {"do_lower_case": True, "strip_accents": None, "tokenize_chinese_chars": True},
    {"do_lower_case": False, "strip_accents": None, "tokenize_chinese_chars": True},
    {"do_lower_case": True, "strip_accents": False, "tokenize_chinese_chars": False},
    {"do_lower_case": False, "strip_accents": True, "tokenize_chinese_chars": True},
]

WRITTEN = [
    # Ordinary
    "The harbour lamp was lit every evening, and the keeper's daughter counted ships.",
    "O faroleiro acendia a lâmpada todas as noites; não há informações suficientes.",
    "L'œuvre d'été à Noël, ça coûte 5 €.", "Größenwahn, Straße, STRASSE, ẞ ß", "İstanbul ISTANBUL ıstanbul I i̇",
    "Ελληνικά ΣΊΣΥΦΟΣ σίσυφος ς", "русский текст ёЁ йЙ", "ŁÓDŹ źdźbło Øre Þing ðat ŒUVRE Æther",
    "Việt Nam: Tiếng Việt Ổ ỗ",
    "don't can't won't rock'n'roll", "3.14159 1,000,000 -7 +8 1e-12 0xFF", "https://example.org/path?q=1&r=%20#top",
    "user@example.org", "C:\\Windows\\system32", "SELECT * FROM t WHERE id = 1;", '{"a": [1, 2.5e-3], "b": null}',
    "antidisestablishmentarianism electroencephalographically", "snake_case camelCase kebab-case SCREAMING_CASE",
    "$100 €50 £20 ¥1000 ₹5 ₿1", "50% ± 3 × 2 ÷ 4 ≠ ≤ ≥ ∞ √ ∑",
    "# Heading\n\n- item one\n- item two\n\n> quoted\n\n```swift\nlet x = 1\n```\n",
    # Nothing, and next to nothing
    "", " ", "\t\r\n\v\f", "\u00a0\u1680\u2000\u2003\u2028\u2029\u202f\u205f\u3000", "\u0000",
    "\u0001\u007f\u0085\u009f", "\u200b\u200c\u200d\u2060\ufeff",
    "\u0301", "\u0301\u0308", "\u00ad", "\ufffd", "\ue000\U000f0000\U0010fffd", "a", "?", "!!!", "...", "\U0010ffff",
    "\u0378\uffff\ufdd0",
    # Spaces and controls inside words
    "a\u00a0b\u2003c\u3000d\u2028e\u2029f\u202fg\u205fh\u1680i", "a\u200bb\u200cc\u200dd\u2060e\ufefff",
    "line\nbreak\ttab\rreturn\vvertical\fform",
    "soft\u00adhyphen", "left\u200fright\u200e \u202eabc\u202c", "\u0000null\u0000inside\u0000",
    "be\u0007ll esc\u001b[31mred\u001b[0m", "a\u0085b", "a\u180eb", "\ufffda\ufffdb\ufffd",
    # Accents
    "naïve café résumé", "cafe\u0301 e\u0301te\u0301 nai\u0308ve", "a\u0300\u0301\u0302\u0303\u0304b",
    "\u0301abc\u0301 \u0301", "Å Å Å \u212b", "ﬁnance ﬀ ﬄ ﬆ", "ǅ ǆ Ǆ", "ſ K Ω", "ΐ ΰ ᾳ ᾼ", "ŉ ǰ",
    "e\u0323\u0302 ê\u0323 \u1ec7", "ṩ s\u0323\u0307 s\u0307\u0323", "हिन्दी पाठ", "বাংলা ভাষা", "ภาษาไทย กำ",
    "العربية والفارسية بِسْمِ", "עברית שָׁלוֹם", "தமிழ்", "မြန်မာ", "ខ្មែរ", "སྐད་ཡིག", "ქართული ᲥᲐᲠᲗᲣᲚᲘ",
    "Հայերեն և ԵՒ", "ᏣᎳᎩ ꮳꮃꭹ", "አማርኛ",
    # East Asia
    "日本語のテキスト", "中文和English混合", "한국어 텍스트", "각 각 ᄀ", "ｆｕｌｌ　ｗｉｄｔｈ ＡＢＣ１２３！", "ﾊﾝｶｸ ｶﾞ", "がぎぐ か\u3099", "㍿ ㊙ ㌔",
    "豈更車 \U0002f800", "𠀀𪛖 \U0003134a", "〇々〆", "、。「」・ー", "漢\u0301字", "中" * 20,
    # Emoji and symbols
    "👍🏽 👩‍👩‍👧‍👦 🇵🇹 ❤️ ☺ #️⃣", "I ❤ U", "🧑🏿‍🚀🧑🏿‍🚀", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝟙𝟚𝟛", "½ ² ³ ① Ⅷ ⅷ", "™ © ® ℃ № ℡", "─│┌ █ ● ◆ → ⇒",
    "“quoted” ‘single’ «guillemets» „low“ – — … •", "a\ufe0fb\ufe0e", "\U000e0001tag\U000e0061", "𐐀𐐨 DESERET", "𝒜𝓃 𝄞",
    # Punctuation that Unicode calls symbols, and the other way round
    "a$b+c<d=e>f^g`h|i~j", "a_b-c.d,e", "¡¿ § ¶ · ‽ ⁂", "\u037e;", "a´b¨c¸d¯e", "\u2010\u2011\u2012\u2013\u2014\u2015",
    "\u1fef\u0060",
    # Special tokens as text
    "[SEP]", "[CLS] [SEP] [MASK] [PAD] [UNK]", "a[SEP]b", "[SEP][SEP]", "[[SEP]]", "[SEP", "SEP]", "[sep] [Sep]",
    "[ SEP ]", "[S\u00adEP]", "x[MASK]y[MASK", "[CLS]\u0301[SEP]", "[unused3] [unused99]", "##ing ## #",
    "the [MASK] ##s", "é[SEP]é",
    # Long words
    "x" * 99, "x" * 100, "x" * 101, "a" * 1000 + " b", "é" * 100, "é" * 101, "e\u0301" * 100, "e\u0301" * 101, "각" * 33,
    "각" * 34, "x" * 50 + "\u00ad" * 80 + "x" * 50, "!" * 120, "un" * 50, "un" * 51,
    # Words that no pieces spell
    "☃☃☃", "a☃b", "xյy", "ab\u16a0cd ef", "ᚠᚢᚦ runes",
    # Longer than the model reads
    "a b " * 200, "the quick brown fox " * 80,
]


def generated():
    """Seeded strings: from all scalars, from assigned ones, from pieces of the vocabulary and things between them."""
    rng = random.Random(20240101)
    every = [chr(cp) for cp in range(0x110000) if not 0xD800 <= cp < 0xE000]
    assigned = [c for c in every if unicodedata.category(c) not in ("Cn", "Co")]
    bmp = [c for c in assigned if ord(c) < 0x3100]
    between = list(" \t\n\u00a0\u00ad\u200d\u3000\u0301\u0327.,-'[]\u0000") + ["[SEP]", "[UNK]"]
    words = "light house São coração Ünïcode keeper's 1758 naïve embedding tokenization FAROL 灯台 маяк φάρος".split()
    for pool in [every] * 2 + [assigned] * 3 + [bmp] * 3 + [words + between] * 4:
        for _ in range(20):
            yield "".join(rng.choices(pool, k=rng.choice([1, 2, 4, 8, 16])))


def reorders(text):
    """Whether NFD puts combining marks of the text in another order. Marks that survive accent stripping make their
    word [UNK] in any order, but shift the reference's offsets of it: such texts are left to compare_tokenizer.py."""
    nfd = NFD().normalize_str
    return nfd(text) != "".join(map(nfd, text))


def case(tokenizer, text):
    encoding = tokenizer(text, return_offsets_mapping=True)
    starts = [0]
    for char in text:
        starts.append(starts[-1] + len(char.encode()))
    offsets = [[starts[a], starts[b]] for a, b in encoding["offset_mapping"]]
    # The reference says (0, 0) of both specials; ours puts [SEP] behind the last token.
    offsets[-1] = [offsets[-2][1]] * 2
    return {"text": text, "ids": encoding["input_ids"], "offsets": offsets}


def main(directory):
    texts = list(dict.fromkeys(WRITTEN)) + [text for text in dict.fromkeys(generated()) if not reorders(text)]
    made_by = f"transformers {transformers.__version__}, tokenizers {tokenizers.__version__}"
    groups = []
    for settings in SETTINGS:
        tokenizer = transformers.BertTokenizerFast(vocab_file=f"{directory}/vocab.txt", **settings)
        some = texts if settings is SETTINGS[0] else [text for text in texts if len(text) <= 128]
        cases = ",\n".join(json.dumps(case(tokenizer, text), separators=(",", ":")) for text in some)
        groups.append(f'{{"settings":{json.dumps(settings)},"cases":[\n{cases}\n]}}')
    target = pathlib.Path(__file__).resolve().parent.parent / "Tests/MiniLMTests/Goldens/tokenizer.json"
    target.write_text(f'{{"made_by":"{made_by}","groups":[\n' + ",\n".join(groups) + "\n]}\n", encoding="utf-8")
    print(f"{target.name}: {len(texts)} texts, {target.stat().st_size} bytes")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "weights/all-MiniLM-L6-v2")
