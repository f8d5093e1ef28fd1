// The script of /docs. Whatever comes from documents and models is shown through `textContent`, never as markup, and links
// only lead to http and https.

extension DocsPage {
    static let script = #"""
        'use strict';
        const $ = id => document.getElementById(id);
        const pt = {lead: 'Pergunte aos seus documentos, na sua própria máquina.', key: 'Chave da API', upload: 'Enviar um texto',
          file: 'Arquivo (texto em UTF-8)', title: 'Título', more: 'Mais campos', desc: 'Descrição', user: 'Id do usuário',
          replace: 'Substituir o que tem este título', send: 'Enviar', ask: 'Perguntar', question: 'Pergunta',
          among: 'Entre documentos com o título', model: 'Modelo', stop: 'Parar', api: 'A API', all: 'todos', default: 'o do servidor',
          uploading: 'Enviando…', created: 'guardado', unchanged: 'já estava lá', replaced: 'substituído', chunks: 'trechos',
          searching: 'Procurando…', stopped: 'Interrompido.', seconds: 's', down: 'O servidor não responde.', body: 'Corpo',
          cut: 'A resposta terminou antes do fim.'};
        const en = {all: 'all', default: "the server's", uploading: 'Uploading…', created: 'stored', unchanged: 'was there already',
          replaced: 'replaced', chunks: 'passages', searching: 'Searching…', stopped: 'Stopped.', seconds: 's',
          down: 'The server does not answer.', body: 'Body', cut: 'The answer ended before it was complete.'};
        document.querySelectorAll('[data-t]').forEach(e => { en[e.dataset.t] = e.textContent; });
        let words = en;
        function speak(language) {
          words = language === 'pt' ? pt : en;
          document.documentElement.lang = language === 'pt' ? 'pt-BR' : 'en';
          document.querySelectorAll('[data-t]').forEach(e => { e.textContent = words[e.dataset.t]; });
          document.querySelectorAll('[data-p]').forEach(e => { e.placeholder = words[e.dataset.p]; });
          $('lang').textContent = language === 'pt' ? 'English' : 'Português';
          $('lang').lang = language === 'pt' ? 'en' : 'pt';
        }
        $('lang').onclick = () => speak(words === en ? 'pt' : 'en');
        speak((navigator.language || '').startsWith('pt') ? 'pt' : 'en');

        function el(tag, text, className) {
          const e = document.createElement(tag);
          if (text !== undefined) e.textContent = text;
          if (className) e.className = className;
          return e;
        }
        // Text with `code` in it.
        function prose(tag, text, ...before) {
          const e = el(tag);
          e.append(...before, ...text.split('`').map((piece, at) => at % 2 ? el('code', piece) : piece));
          return e;
        }
        function say(id, text, bad) {
          $(id).textContent = text;
          $(id).classList.toggle('bad', !!bad);
        }
        const quote = text => "'" + text.replaceAll("'", "'\\''") + "'";
        const key = () => $('key').value ? {Authorization: 'Bearer ' + $('key').value} : {};
        const curlKey = () => $('key').value ? " \\\n  -H 'Authorization: Bearer '\"$API_KEY\"" : '';
        function reason(body, status) {
          const detail = body && body.detail;
          if (Array.isArray(detail)) return detail.map(d => d.loc.slice(1).join('.') + ': ' + d.msg).join('; ');
          return detail || 'HTTP ' + status;
        }
        async function failure(response) {
          const text = await response.text();
          try { return reason(JSON.parse(text), response.status); } catch { return text || 'HTTP ' + response.status; }
        }

        async function titles() {
          try {
            const response = await fetch('/vector/documents?limit=1000', {headers: key()});
            if (!response.ok) return;
            const names = new Set((await response.json()).documents.map(d => d.title));
            $('titles').replaceChildren(...[...names].map(name => Object.assign(el('option'), {value: name})));
          } catch { /* asked again after the next upload */ }
        }
        titles();
        $('key').onchange = titles;

        const upload = $('upload');
        upload.elements.file.onchange = () => {
          const file = upload.elements.file.files[0];
          if (file && !upload.elements.title.value) upload.elements.title.value = file.name.replace(/\.[^.]*$/, '');
        };
        upload.onsubmit = async event => {
          event.preventDefault();
          const form = new FormData(upload);
          const file = form.get('file');
          let curl = 'curl ' + location.origin + '/vector/text-to-vector' + curlKey();
          for (const [name, value] of form) {
            if (name !== 'file' && value === '') form.delete(name);
            else curl += ' \\\n  ' + (name === 'file' ? '-F ' : '--form-string ') + quote(name + '=' + (name === 'file' ? '@' + file.name : value));
          }
          $('upload-curl').textContent = curl;
          say('upload-out', words.uploading);
          const button = upload.querySelector('button');
          button.disabled = true;
          try {
            const response = await fetch('/vector/text-to-vector', {method: 'POST', body: form, headers: key()});
            if (!response.ok) { say('upload-out', await failure(response), true); return; }
            const receipt = await response.json();
            say('upload-out', `${receipt.title}: ${words[receipt.status]} · ${receipt.chunks} ${words.chunks} · ${receipt.tokens} tokens`);
            $('ask').elements.title_rag.value = receipt.title;
            titles();
          } catch { say('upload-out', words.down, true); } finally { button.disabled = false; }
        };

        function show(sources) {
          $('sources').replaceChildren(...sources.map(source => {
            const item = el('li');
            if (/^https?:\/\//i.test(source.url)) {
              item.append(Object.assign(el('a', source.title), {href: source.url, rel: 'noopener noreferrer', target: '_blank'}));
            } else item.append(el('span', source.title));
            item.append(el('span', ' · ' + source.score.toFixed(2), 'score'), el('p', source.text));
            return item;
          }));
        }
        async function* events(body) {
          const reader = body.pipeThrough(new TextDecoderStream()).getReader();
          let rest = '';
          for (;;) {
            const {value, done} = await reader.read();
            if (done) return;
            rest += value;
            const blocks = rest.split('\n\n');
            rest = blocks.pop();
            for (const block of blocks) {
              const [, name, data] = block.match(/^event: (.*)\ndata: (.*)$/) || [];
              if (name) yield {name, data: JSON.parse(data)};
            }
          }
        }
        const ask = $('ask');
        let running;
        $('stop').onclick = () => running && running.abort();
        ask.elements.question.onkeydown = event => {
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) ask.requestSubmit();
        };
        ask.onsubmit = async event => {
          event.preventDefault();
          if (running) return;
          const question = {question: ask.elements.question.value};
          if (ask.elements.title_rag.value) question.title_rag = ask.elements.title_rag.value;
          if (ask.elements.model.value) question.model = ask.elements.model.value;
          question.stream = true;
          const body = JSON.stringify(question);
          $('ask-curl').textContent = 'curl -N ' + location.origin + '/llm/ask' + curlKey()
            + " \\\n  -H 'Content-Type: application/json' \\\n  -d " + quote(body);
          const answer = $('answer');
          const button = ask.querySelector('button');
          answer.textContent = '';
          $('sources').replaceChildren();
          say('ask-out', words.searching);
          answer.setAttribute('aria-busy', 'true');
          button.disabled = true;
          $('stop').hidden = false;
          running = new AbortController();
          try {
            const response = await fetch('/llm/ask', {method: 'POST', body, signal: running.signal,
              headers: {'Content-Type': 'application/json', ...key()}});
            if (!response.ok) { say('ask-out', await failure(response), true); return; }
            let complete = false;
            for await (const {name, data} of events(response.body)) {
              if (name === 'sources') { show(data.sources); say('ask-out', ''); }
              else if (name === 'token') answer.append(data.token);
              else if (name === 'error') { complete = true; say('ask-out', reason(data, data.status), true); }
              else if (name === 'done') {
                complete = true;
                answer.textContent = data.answer;
                const by = data.model ? data.generator + ' ' + data.model : data.generator;
                say('ask-out', [by, (data.timings.total_ms / 1000).toFixed(1) + ' ' + words.seconds, ...data.warnings].join(' · '));
              }
            }
            if (!complete) say('ask-out', words.cut, true);
          } catch (error) {
            if (error.name === 'AbortError') say('ask-out', words.stopped);
            else say('ask-out', words.down, true);
          } finally {
            running = undefined;
            answer.setAttribute('aria-busy', 'false');
            button.disabled = false;
            $('stop').hidden = true;
          }
        };

        fetch('/openapi.json').then(response => response.json()).then(api => {
          const follow = value => value.$ref ? value.$ref.slice(2).split('/').reduce((at, step) => at[step], api) : value;
          for (const [path, operations] of Object.entries(api.paths)) for (const [method, operation] of Object.entries(operations)) {
            const details = el('details', undefined, 'op');
            const summary = el('summary');
            summary.append(el('span', method.toUpperCase(), 'm'), el('code', path), el('span', operation.summary, 'sum'));
            details.append(summary);
            if (operation.description) details.append(prose('p', operation.description));
            for (const parameter of operation.parameters || []) {
              details.append(prose('p', ' ' + (parameter.description || ''), el('code', parameter.name)));
            }
            if (operation.requestBody) {
              const [type, content] = Object.entries(operation.requestBody.content)[0];
              const fields = follow(content.schema);
              const list = el('ul');
              for (const [name, field] of Object.entries(fields.properties)) {
                const must = (fields.required || []).includes(name) ? ' *' : '';
                list.append(prose('li', ' ' + (field.description || ''), el('code', name + must)));
              }
              details.append(el('p', type), list);
            }
            const statuses = el('ul', undefined, 'st');
            for (const [status, answer] of Object.entries(operation.responses)) {
              statuses.append(prose('li', ' ' + follow(answer).description, el('code', status)));
            }
            details.append(statuses);
            const example = Object.values(operation.responses['200']?.content || {}).map(content => content.example)[0];
            if (example) details.append(el('pre', typeof example === 'string' ? example : JSON.stringify(example, null, 2)));
            $('api').append(details);
          }
        }).catch(() => { $('api').textContent = words.down; });
        """#
}
