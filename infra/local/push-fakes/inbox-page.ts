/** The page on which a newcomer sees pushes arrive. Texts of others are put in as text, never as HTML. */
export function inboxPage(): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Push inbox</title>
<style>body{font:16px system-ui;max-width:40rem;margin:2rem auto;padding:0 1rem;background:#f3f4f6;color:#111}
article{background:#fff;border-radius:12px;padding:.75rem 1rem;margin:.5rem 0;box-shadow:0 1px 3px #0002}
small{color:#555}b{display:block}i{float:right;font-style:normal;background:#d92626;color:#fff;border-radius:1rem;padding:0 .5rem}
</style><h1>Push inbox</h1>
<p>What the fakes of the push vendors would show on phones. Register one with <code>/phone https my-phone</code> in
<code>npm run chat</code>, leave with <code>/exit</code>, and let somebody write to you.</p>
<p id="none">Nothing has arrived yet.</p><main id="list" aria-live="polite"></main>
<script>
const text=(tag,value)=>{const e=document.createElement(tag);e.textContent=value;return e}
async function look(){try{const all=await (await fetch('/inbox.json')).json()
document.getElementById('none').hidden=all.length>0
document.getElementById('list').replaceChildren(...all.slice(0,200).map(n=>{const a=document.createElement('article')
if(n.badge)a.append(text('i',n.badge));a.append(text('b',n.title),text('span',n.body),document.createElement('br'),
text('small',n.vendor+' · '+n.app+' · '+n.token.slice(0,24)+' · '+new Date(n.at).toLocaleTimeString()));return a}))}catch{}}
look();setInterval(look,1000)
</script></html>`
}
