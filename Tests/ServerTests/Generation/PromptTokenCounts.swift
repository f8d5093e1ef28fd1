// How many tokens chat models make of some kinds of text: the oracle of PromptBudget's estimate.
//
// Written by Scripts/count_prompt_tokens.py: do not edit. `tokens` is the largest count over the vocabularies of
// Llama 3 (128k), Mistral 7B v0.1 (32k, the kind of Llama 2 and Phi 3) and Mistral's Tekken (131k), without special tokens;
// `wordPieces` is all-MiniLM-L6-v2's own. One JSON object a line.

let promptTokenCounts = #"""
    {"kind": "english prose", "wordPieces": 43, "tokens": 46, "text": "The municipal market opens at seven in the morning and closes at two in the afternoon, except on Sundays. Visitors who arrive by train should leave the station through the southern exit and follow the river for about ten minutes."}
    {"kind": "portuguese prose", "wordPieces": 83, "tokens": 79, "text": "O mercado municipal abre às sete da manhã e fecha às duas da tarde, exceto aos domingos. Quem chega de comboio deve sair da estação pela porta sul e seguir o rio durante cerca de dez minutos. As informações não são atualizadas à noite."}
    {"kind": "portuguese administration", "wordPieces": 79, "tokens": 83, "text": "Não obstante o disposto na alínea c) do n.º 2 do artigo 14.º, a prestação de serviços transfronteiriços pressupõe a comunicação prévia, por via eletrónica, à autoridade competente, sob pena de inelegibilidade das despesas."}
    {"kind": "spanish prose", "wordPieces": 57, "tokens": 53, "text": "El ayuntamiento publicó ayer el horario de verano: las piscinas abrirán de diez a ocho, y los niños menores de seis años entrarán gratis acompañados por un adulto."}
    {"kind": "german prose", "wordPieces": 66, "tokens": 54, "text": "Die Gemeindeverwaltung weist darauf hin, dass Grundstückseigentümer verpflichtet sind, Gehwege vor ihren Häusern zwischen sieben und zwanzig Uhr von Schnee zu räumen."}
    {"kind": "finnish prose", "wordPieces": 80, "tokens": 89, "text": "Kunnallinen kauppahalli avataan aamulla kello seitsemän ja suljetaan iltapäivällä kello kahdelta, sunnuntaita lukuun ottamatta. Junalla saapuvien matkustajien kannattaa poistua asemalta eteläisen uloskäynnin kautta."}
    {"kind": "indonesian prose", "wordPieces": 70, "tokens": 76, "text": "Pasar kota dibuka pukul tujuh pagi dan ditutup pukul dua siang, kecuali hari Minggu. Pengunjung yang datang dengan kereta api sebaiknya keluar melalui pintu selatan dan menyusuri sungai."}
    {"kind": "polish prose", "wordPieces": 70, "tokens": 68, "text": "Targ miejski otwiera się o siódmej rano i zamyka o drugiej po południu, z wyjątkiem niedziel. Źródło: urząd gminy, część druga, załącznik żółty."}
    {"kind": "turkish prose", "wordPieces": 72, "tokens": 85, "text": "Belediye pazarı sabah yedide açılır ve pazar günleri dışında öğleden sonra ikide kapanır. Değişiklikler önceden duyurulacaktır; şikâyetlerinizi danışmaya iletebilirsiniz."}
    {"kind": "vietnamese prose", "wordPieces": 57, "tokens": 90, "text": "Chợ thành phố mở cửa lúc bảy giờ sáng và đóng cửa lúc hai giờ chiều, trừ ngày chủ nhật. Du khách đến bằng tàu hỏa nên ra khỏi ga bằng lối phía nam."}
    {"kind": "letters at random", "wordPieces": 47, "tokens": 48, "text": "xkqjzvwp bnrtlkds qwzxcvbn mlkjhgfd zxqwvbnk plmoknij wsxqazed rfvtgbyh"}
    {"kind": "amino acids", "wordPieces": 1, "tokens": 82, "text": "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVGDGTQDNLSGAEKAVQVKVKALPDAQFEVVHSLAKWKRQTLGQHDFSAGEGLYTHMKALRPDEDRLSPLHSVYVDQWDWE"}
    {"kind": "capitals", "wordPieces": 40, "tokens": 54, "text": "AVISO: ENCERRAMENTO DOS SERVIÇOS ADMINISTRATIVOS NO DIA SEGUINTE. OS PEDIDOS URGENTES DEVEM SER DIRIGIDOS À PORTARIA."}
    {"kind": "table", "wordPieces": 86, "tokens": 114, "text": "| ano | receita | despesa | saldo |\n|---|---|---|---|\n| 2021 | 1.204.331,50 | 987.220,17 | 217.111,33 |\n| 2022 | 1.377.002,08 | 1.101.943,64 | 275.058,44 |\n"}
    {"kind": "code", "wordPieces": 56, "tokens": 64, "text": "func leave() {\n    let next = state.withLock { state -> Waiter? in\n        guard !state.waiters.isEmpty else {\n            state.running -= 1\n            return nil\n        }\n        return state.waiters.removeFirst()\n    }\n}\n"}
    {"kind": "json", "wordPieces": 73, "tokens": 54, "text": "{\"id\":42,\"title\":\"Faro\",\"tags\":[\"cidade\",\"algarve\"],\"geo\":{\"lat\":37.0194,\"lon\":-7.9304},\"open\":true,\"notes\":null}"}
    {"kind": "addresses", "wordPieces": 75, "tokens": 108, "text": "https://www.example.org/pt/documentos/2024/07/31/relatorio-final_v2.pdf?download=1&lang=pt#page=17 maria.silva+faro@example.org +351 289 000 000 IBAN PT50 0002 0123 1234 5678 9015 4"}
    {"kind": "base64", "wordPieces": 144, "tokens": 158, "text": "KXK7BE2W3yhxugNMld4ncLkCS5TdJm+4AUqT3CVutwBJktskbbb/SJHaI2y1/keQ2SJrtP1Gj9gharP8RY7XIGmy+0SN1h9osfpDjNUeZ7D5QovUHWav+EGK0xxlrvdAidIbZK32P4jRGmOs9T6H0Bliq/Q9hs8YYarzPIXOF2Cp8juEzRZfqPE6g8wVXqfwOYLLFF2m"}
    {"kind": "hexadecimal", "wordPieces": 1, "tokens": 172, "text": "2972bb044d96df2871ba034c95de2770b9024b94dd266fb8014a93dc256eb7004992db246db6ff4891da236cb5fe4790d9226bb4fd468fd8216ab3fc458ed72069b2fb448dd61f68b1fa438cd51e67b0f9428bd41d66aff8418ad31c65aef74089d21b64"}
    {"kind": "whitespace", "wordPieces": 30, "tokens": 108, "text": "a\n\n\n\nb\t\tc        d\r\n\r\n  e\na\n\n\n\nb\t\tc        d\r\n\r\n  e\na\n\n\n\nb\t\tc        d\r\n\r\n  e\na\n\n\n\nb\t\tc        d\r\n\r\n  e\na\n\n\n\nb\t\tc        d\r\n\r\n  e\na\n\n\n\nb\t\tc        d\r\n\r\n  e\n"}
    {"kind": "russian", "wordPieces": 101, "tokens": 49, "text": "Городской рынок открывается в семь часов утра и закрывается в два часа дня, кроме воскресенья. Билеты продаются у входа."}
    {"kind": "greek", "wordPieces": 81, "tokens": 101, "text": "Η δημοτική αγορά ανοίγει στις επτά το πρωί και κλείνει στις δύο το μεσημέρι, εκτός από τις Κυριακές."}
    {"kind": "arabic", "wordPieces": 82, "tokens": 84, "text": "يفتح السوق البلدي أبوابه في الساعة السابعة صباحا ويغلق في الساعة الثانية بعد الظهر ما عدا يوم الأحد."}
    {"kind": "hebrew", "wordPieces": 57, "tokens": 68, "text": "השוק העירוני נפתח בשבע בבוקר ונסגר בשתיים בצהריים, למעט בימי ראשון."}
    {"kind": "hindi", "wordPieces": 51, "tokens": 87, "text": "नगर बाज़ार सुबह सात बजे खुलता है और दोपहर दो बजे बंद हो जाता है, रविवार को छोड़कर।"}
    {"kind": "thai", "wordPieces": 13, "tokens": 67, "text": "ตลาดเทศบาลเปิดเวลาเจ็ดโมงเช้าและปิดเวลาบ่ายสองโมง ยกเว้นวันอาทิตย์"}
    {"kind": "chinese", "wordPieces": 51, "tokens": 54, "text": "市政市场早上七点开门，下午两点关门，星期日除外。乘火车到达的游客应从南出口离开车站，沿河步行约十分钟。"}
    {"kind": "japanese", "wordPieces": 60, "tokens": 69, "text": "市営市場は朝七時に開き、日曜日を除いて午後二時に閉まります。電車で来る人は南口から出て、川沿いに十分ほど歩いてください。"}
    {"kind": "korean", "wordPieces": 110, "tokens": 86, "text": "시립 시장은 아침 일곱 시에 열고 오후 두 시에 닫으며 일요일에는 쉽니다. 기차로 오는 사람은 남쪽 출구로 나와 강을 따라 걸으십시오."}
    {"kind": "georgian", "wordPieces": 29, "tokens": 148, "text": "მუნიციპალური ბაზარი იხსნება დილის შვიდ საათზე და იხურება ორ საათზე, კვირის გარდა."}
    {"kind": "amharic", "wordPieces": 11, "tokens": 108, "text": "የማዘጋጃ ቤቱ ገበያ ከጠዋቱ አንድ ሰዓት ይከፈታል፤ ከእሑድ በስተቀር።"}
    {"kind": "emoji", "wordPieces": 7, "tokens": 63, "text": "👍🏽 🏖️ 👨‍👩‍👧‍👦 🇵🇹 ❤️ 😂😂😂 🥐☕️"}
    {"kind": "mathematics", "wordPieces": 51, "tokens": 70, "text": "∀ε>0 ∃δ>0: |x−a|<δ ⇒ |f(x)−f(a)|<ε; ∑ᵢ₌₁ⁿ i² = n(n+1)(2n+1)/6 ≈ ⅓n³"}
    {"kind": "accents everywhere", "wordPieces": 36, "tokens": 66, "text": "àáâãäå èéêë ìíîï òóôõö ùúûü çñý ÀÉÍÓÚ ÇÃÕ ăąćčďđęěğ łńňőœřśşšţťůűźżž"}
    {"kind": "typography", "wordPieces": 41, "tokens": 52, "text": "— «Não», disse ela… “Nunca!” – 10 ‰ • § 3.º, 1.ª ed. © 2024 ½ kg, 20 °C, 5 €"}
    """#
