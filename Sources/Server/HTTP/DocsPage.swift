// /docs: one page, no other files, no network. It lists what /openapi.json describes and tries the two things people come
// for: uploading a text and asking about it. DocsPageScript.swift is its script.

import Foundation

enum DocsPage {
    static let html = """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>minilm</title>
        <link rel="icon" href="data:,">
        <style>\(style)</style>
        </head>
        <body>
        \(content)
        <script>\(script)</script>
        </body>
        </html>

        """

    /// The page runs its own script and style, known by their digests, and talks to nobody but this server: an answer that
    /// smuggles markup in could do nothing even if it were not shown as text.
    static let contentSecurityPolicy = """
        default-src 'self'; script-src '\(digest(script))'; style-src '\(digest(style))'; img-src data:; \
        connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
        """

    private static func digest(_ text: String) -> String {
        "sha256-" + Data(SHA256.digest(text.utf8)).base64EncodedString()
    }

    private static let content = """
        <a class="skip" href="#ask">Skip to the question</a>
        <header>
        <h1>minilm</h1>
        <p data-t="lead">Ask your documents, on your own machine.</p>
        <nav>
        <button type="button" id="lang" lang="pt">Português</button>
        <label class="key"><span data-t="key">API key</span> <input id="key" type="password" autocomplete="off" size="12"></label>
        </nav>
        </header>
        <main>
        <noscript>This page needs JavaScript. The API is described in <a href="/openapi.json">/openapi.json</a>.</noscript>
        <div class="pair">
        <section aria-labelledby="upload-h">
        <h2 id="upload-h" data-t="upload">Upload a text</h2>
        <form id="upload">
        <label><span data-t="file">File (UTF-8 text)</span><input name="file" type="file" required></label>
        <label><span data-t="title">Title</span><input name="title" required></label>
        <details><summary data-t="more">More fields</summary>
        <label><span data-t="desc">Description</span><input name="description"></label>
        <label><span data-t="user">User id</span><input name="user_id"></label>
        <label>URL<input name="url" inputmode="url"></label>
        <label class="check"><input name="replace" type="checkbox" value="true"><span data-t="replace">Replace what has this \
        title</span></label>
        </details>
        <button data-t="send">Upload</button>
        </form>
        <p class="status" id="upload-out" role="status"></p>
        <pre class="curl" id="upload-curl" tabindex="0" aria-label="curl"></pre>
        </section>
        <section aria-labelledby="ask-h">
        <h2 id="ask-h" data-t="ask">Ask</h2>
        <form id="ask">
        <label><span data-t="question">Question</span><textarea name="question" rows="3" required></textarea></label>
        <div class="row">
        <label><span data-t="among">Among documents titled</span><input name="title_rag" list="titles" data-p="all"></label>
        <label><span data-t="model">Model</span><input name="model" data-p="default"></label>
        </div>
        <datalist id="titles"></datalist>
        <p class="actions"><button data-t="ask">Ask</button> <button type="button" id="stop" data-t="stop" hidden>Stop</button></p>
        </form>
        <div id="answer" class="answer" aria-live="polite" aria-busy="false"></div>
        <p class="status" id="ask-out" role="status"></p>
        <ol id="sources" class="sources"></ol>
        <pre class="curl" id="ask-curl" tabindex="0" aria-label="curl"></pre>
        </section>
        </div>
        <section aria-labelledby="api-h">
        <h2 id="api-h"><span data-t="api">The API</span> <a href="/openapi.json">openapi.json</a></h2>
        <div id="api"></div>
        </section>
        </main>
        """

    private static let style = """
        :root{color-scheme:light dark;--bg:#fbfaf7;--card:#fff;--ink:#1d2327;--soft:#5b656d;--line:#dcdfe0;--accent:#0b6b63;\
        --on:#fff;--code:#f1f0eb;--bad:#a3261b}
        @media(prefers-color-scheme:dark){:root{--bg:#14181a;--card:#1c2224;--ink:#e8ecec;--soft:#9fabb0;--line:#333c3f;\
        --accent:#5cc9bd;--on:#06211e;--code:#101415;--bad:#ff9c8f}}
        *{box-sizing:border-box}
        body{margin:0;background:var(--bg);color:var(--ink);font:16px/1.55 system-ui,sans-serif}
        header,main{max-width:72rem;margin:0 auto;padding:1.25rem}
        header{display:flex;flex-wrap:wrap;gap:.25rem 1rem;align-items:baseline;padding-bottom:0}
        h1{font-size:1.7rem;margin:0;letter-spacing:-.02em}
        h2{font-size:1.15rem;margin:0 0 .75rem}
        h2 a{font-size:.85rem;font-weight:400;margin-left:.5rem}
        header p{margin:0;color:var(--soft)}
        nav{margin-left:auto;display:flex;gap:1rem;align-items:center}
        a{color:var(--accent)}
        .skip{position:absolute;left:-99rem}
        .skip:focus{left:1rem;top:1rem}
        .pair{display:grid;grid-template-columns:minmax(0,2fr) minmax(0,3fr);gap:1.25rem;align-items:start}
        @media(max-width:48rem){.pair{grid-template-columns:minmax(0,1fr)}nav{margin-left:0}}
        section{background:var(--card);border:1px solid var(--line);border-radius:.75rem;padding:1.25rem;margin-bottom:1.25rem}
        label{display:block;margin-bottom:.7rem;font-size:.9rem;color:var(--soft)}
        input,textarea{display:block;width:100%;margin-top:.2rem;padding:.5rem .6rem;font:inherit;color:var(--ink);\
        background:var(--bg);border:1px solid var(--line);border-radius:.4rem}
        textarea{resize:vertical}
        .key{margin:0;display:flex;gap:.4rem;align-items:center}
        .key input{width:8rem;margin:0;padding:.15rem .4rem}
        .check{display:flex;gap:.5rem;align-items:center}
        .check input{width:auto;margin:0}
        .row{display:grid;grid-template-columns:1fr 1fr;gap:.75rem}
        button{font:inherit;font-weight:600;padding:.45rem 1.1rem;border:0;border-radius:.4rem;cursor:pointer;\
        background:var(--accent);color:var(--on)}
        button[disabled]{opacity:.5;cursor:default}
        #lang,#stop{background:none;color:var(--accent);border:1px solid var(--line);padding:.2rem .7rem;font-weight:400}
        #stop{padding:.4rem 1.1rem}
        :focus-visible{outline:3px solid var(--accent);outline-offset:2px}
        summary{cursor:pointer;color:var(--soft);font-size:.9rem;margin-bottom:.7rem}
        .actions{margin:0}
        .status{margin:.7rem 0 0;color:var(--soft);font-size:.9rem;overflow-wrap:anywhere}
        .status.bad{color:var(--bad)}
        .answer{white-space:pre-wrap;overflow-wrap:anywhere;font-size:1.05rem;margin-top:1rem}
        .answer:empty,.status:empty,.curl:empty{display:none}
        .answer[aria-busy=true]::after{content:"▍";color:var(--accent)}
        .sources{padding-left:1.4rem;margin:1rem 0 0;font-size:.9rem}
        .sources li{margin-bottom:.5rem}
        .sources p{margin:.2rem 0 0;white-space:pre-wrap;color:var(--soft);max-height:6.2em;overflow:auto}
        .score{color:var(--soft)}
        pre{background:var(--code);border-radius:.4rem;padding:.7rem .8rem;margin:1rem 0 0;font:.8rem/1.5 ui-monospace,monospace;\
        overflow:auto;white-space:pre-wrap;overflow-wrap:anywhere}
        .op{border-top:1px solid var(--line);padding:.55rem 0}
        .op>summary{display:flex;flex-wrap:wrap;gap:.2rem .7rem;align-items:baseline;margin:0;color:var(--ink)}
        .op code{font:.85rem ui-monospace,monospace}
        .op p{margin:.5rem 0}
        .m{font:700 .75rem ui-monospace,monospace;width:4rem;color:var(--accent)}
        .op .sum{color:var(--soft)}
        .st{list-style:none;padding:0;margin:.5rem 0 0;font-size:.9rem}
        .st code:first-child{display:inline-block;width:3rem;font-weight:700}
        """
}
