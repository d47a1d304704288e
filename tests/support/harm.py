"""What hostile texts have done to a page: code that ran, and elements that nobody but an attacker puts into outputs.

The elements and attributes of all outputs are held against the few that victor_nb, pandas, widgets and JupyterLab
make, so that an attack is seen also where the browser at hand does not fall for it.
"""

from __future__ import annotations

from support.lab_page import LabPage

TAGS = (
    "a b blockquote br button code del details div em h1 h2 h3 h4 h5 h6 hr i li ol p path pre s section small span "
    "strong style summary sup svg table tbody td text th thead title tr tspan ul g rect line polyline polygon circle"
)
ATTRIBUTES = (
    "class href target rel start open hidden scope scoped border role aria-label width height viewBox d x y dx dy x1 "
    "x2 y1 y2 cx cy r points transform text-anchor fill stroke stroke-width stroke-dasharray stroke-linecap "
    "stroke-linejoin"
)
OWN = (
    ".jp-TrimmedOutputs-button, .jp-Stdin-prompt, .jp-Stdin-input, .victor-nb-copy > textarea[rows], "
    ".victor-nb-approval > pre[tabindex]"
)
WIDGET = "const isWidget = e => e.closest('.jupyter-widgets') && !e.parentElement.closest('.widget-html-content');"
RAN = """
const ran = Object.keys(window).filter(name => name.startsWith('pwned'));
if (document.querySelector('.jp-Dialog')) ran.push('a dialog is open');
"""
LOOK = """
const BAR = /^(width|left|background):[^:]*(;background:[^:]*)?$/;
const tags = new Set(TAGS), attributes = new Set(ATTRIBUTES), found = new Set(ran);
for (const e of panel.node.querySelectorAll('.jp-OutputArea-output *')) {
  const tag = e.tagName.toLowerCase(), math = e.closest('mjx-container');
  if (getComputedStyle(e).position === 'fixed') found.add(`${tag} is fixed`);
  if (e.matches(OWN) || isWidget(e)) continue;
  if (math ? tag === 'a' : !tags.has(tag)) found.add(`<${tag}>`);
  if (tag === 'style' && /url\\(|@import|fixed|animation/.test(e.textContent)) found.add(e.textContent);
  for (const {name, value} of e.attributes) {
    if (tag === 'a' && e.closest('.jp-RenderedText')) continue;
    if (name === 'href' && !/^(https?|mailto):/.test(value)) found.add(`${tag} href=${value}`);
    if (name === 'href' && value.startsWith(location.origin)) found.add(`${tag} href=${value}`);
    if (name === 'class' && !math && /(^| )(jp|lm)-/.test(value)) found.add(`${tag} class=${value}`);
    if (name === 'style' && !/^font-family/.test(value) && /fixed|url\\(.*\\/\\//.test(value)) found.add(value);
    if (/^(fill|stroke)/.test(name) && /[(:]/.test(value)) found.add(`${tag} ${name}=${value}`);
    if (name === 'style' && e.closest('.victor-nb-panel') && BAR.test(value)) continue;
    if (name === 'title' && /^[a-z ]+: [\\d,]+ tokens$/.test(value)) continue;
    if (!math && !attributes.has(name) && `${tag} ${name}` !== 'tr style') found.add(`${tag} ${name}=${value}`);
  }
}
return [...found];
"""
UNFOLD = """
document.querySelectorAll('.jp-TrimmedOutputs-button').forEach(button => button.click());
await new Promise(done => setTimeout(done, 300));
return true;
"""
POKE = """
for (const e of panel.node.querySelectorAll('.jp-OutputArea-output *')) {
  if (!e.attributes.length || isWidget(e) || e.tagName === 'A' && /^(http|mailto)/.test(e.href)) continue;
  for (const name of ['mouseover', 'focus', 'toggle']) e.dispatchEvent(new MouseEvent(name, {bubbles: true}));
  e.click?.();
}
await new Promise(done => setTimeout(done, 300));
return true;
"""


def harm(page: LabPage) -> list[str]:
    """What has happened, also after the elements of the outputs were hovered over and clicked."""
    page.js(UNFOLD)
    allowed = f"const TAGS = '{TAGS}'.split(' '), ATTRIBUTES = '{ATTRIBUTES}'.split(' '), OWN = '{OWN}';"
    found = page.js(allowed + WIDGET + RAN + LOOK)
    page.js(WIDGET + POKE)
    return sorted({*found, *page.js(f"{RAN} return ran")})


def scripts_run(page: LabPage) -> set[int]:
    """The numbers of the texts whose script ran, of itself or when it was hovered over and clicked."""
    page.js(UNFOLD)
    page.js(WIDGET + POKE)
    return {int(name[5:]) for name in page.js(f"{RAN} return ran") if name.startswith("pwned")}
