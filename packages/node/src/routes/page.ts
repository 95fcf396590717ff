// The page at `/`, until the explorer takes its place: what runs here, how to call it, how to check it.

interface PageFacts {
  /** scheme, host and port under which the reader reached this node */
  readonly base: string;
  readonly model: string;
  readonly digest: string;
  readonly contract: string;
  readonly build: string;
  readonly origin: string;
  readonly vkey: string;
  readonly version: string;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => ENTITIES[char] ?? char);
}

const STYLE = `
:root{color-scheme:light dark;--ink:#16181d;--dim:#5c6370;--line:#dfe2e8;--paper:#fff;--box:#f5f6f8;--mark:#0b6e4f}
@media(prefers-color-scheme:dark){:root{--ink:#e6e8ec;--dim:#9aa1ad;--line:#2c3038;--paper:#14161a;--box:#1c1f25;--mark:#5fd3a6}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,sans-serif}
main{max-width:46rem;margin:0 auto;padding:3.5rem 1.25rem 4rem}
h1{font-size:1.9rem;letter-spacing:-.02em;margin:0 0 .25rem}
h2{font-size:1rem;margin:2.5rem 0 .6rem}
p{margin:.4rem 0;max-width:38rem}
.dim{color:var(--dim)}
code,pre{font:.86rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
pre{background:var(--box);border:1px solid var(--line);border-radius:8px;padding:.8rem 1rem;margin:.5rem 0;overflow-x:auto;user-select:all}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.4rem 1.25rem;margin:0}
dt{color:var(--dim)}
dd{margin:0;min-width:0;overflow-wrap:anywhere}
ul{list-style:none;margin:0;padding:0;display:flex;flex-wrap:wrap;gap:.4rem 1.25rem}
a{color:var(--mark);text-underline-offset:3px}
`.replaceAll('\n', '');

const LINKS = ['/v1/models', '/.well-known/runproof.json', '/log/checkpoint', '/readyz', '/metrics'] as const;

/** A whole HTML page without script and without anything from elsewhere. Every fact is escaped. */
export function renderPage(facts: PageFacts): string {
  const { base } = facts;
  const request = JSON.stringify({
    model: facts.model,
    messages: [{ role: 'user', content: 'Tell me a story about a fox.' }],
  });
  const block = (text: string): string => `<pre>${escapeHtml(text)}</pre>`;
  const row = (name: string, value: string): string => `<dt>${name}</dt><dd><code>${escapeHtml(value)}</code></dd>`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>Runproof node</title><style>${STYLE}</style></head><body><main>
<h1>Runproof</h1>
<p class="dim">This node runs <code>${escapeHtml(facts.model)}</code> and seals a receipt for every answer, so that anyone can check which model
produced which tokens for which request, and replay them bit for bit.</p>
<h2>Call it</h2>
${block(`curl -i ${base}/v1/chat/completions -H 'Content-Type: application/json' -d '${request}'`)}
<p>The headers <code>Runproof-Receipt</code> and <code>Runproof-Nonce</code> of the answer open its receipt:</p>
${block(`curl ${base}/v1/receipts/<receipt> -H 'Runproof-Nonce: <nonce>'`)}
<h2>Use it from any OpenAI client</h2>
${block(`export OPENAI_BASE_URL=${base}/v1 OPENAI_API_KEY=unused`)}
<h2>Verify while you chat</h2>
${block(`npx runproof trust ${base}\nnpx runproof chat --url ${base}`)}
<h2>What runs here</h2>
<dl>
${row('Model', facts.digest)}
${row('Contract', facts.contract)}
${row('Engine', facts.build)}
${row('Log origin', facts.origin)}
${row('Log key', facts.vkey)}
</dl>
<p class="dim">Do not trust this page: it comes from the node that you want to check. Compare the key with one that you got another way.</p>
<h2>Look further</h2>
<ul>${LINKS.map((path) => `<li><a href="${path}"><code>${path}</code></a></li>`).join('')}</ul>
<p class="dim">Version ${escapeHtml(facts.version)}</p>
</main></body></html>
`;
}
