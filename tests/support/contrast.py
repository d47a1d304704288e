"""How well text stands out from what is behind it, as WCAG 2 counts it: 4.5 is what small text needs."""

from __future__ import annotations

from support.lab_page import LabPage

MEASURE = """
const canvas = Object.assign(document.createElement('canvas'), {width: 1, height: 1});
const pen = canvas.getContext('2d', {willReadFrequently: true});
const rgba = colour => {
  pen.clearRect(0, 0, 1, 1);
  pen.fillStyle = colour;
  pen.fillRect(0, 0, 1, 1);
  return [...pen.getImageData(0, 0, 1, 1).data].map((value, i) => i < 3 ? value : value / 255);
};
const over = (top, under) => under.map((u, i) => i < 3 ? top[i] * top[3] + u * (1 - top[3]) : 1);
const behind = e => {
  const colour = e ? rgba(getComputedStyle(e).backgroundColor) : [255, 255, 255, 1];
  return colour[3] === 1 ? colour : over(colour, behind(e.parentElement));
};
const luminance = colour => {
  const linear = part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  const [r, g, b] = colour.slice(0, 3).map(part => linear(part / 255));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const found = {};
for (const e of panel.node.querySelectorAll(SELECTOR)) {
  if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()) || e.tagName === 'STYLE') continue;
  if (e.closest('mjx-assistive-mml')) continue;
  const under = behind(e), colour = over(rgba(getComputedStyle(e).color), under);
  const [a, b] = [luminance(colour), luminance(under)].sort((x, y) => y - x);
  const name = `${e.tagName.toLowerCase()}.${e.className.baseVal ?? e.className}`;
  found[name] = Math.min(found[name] ?? 99, (a + 0.05) / (b + 0.05));
}
return found;
"""


def contrasts(page: LabPage, selector: str) -> dict[str, float]:
    """The lowest contrast of each kind of element that has text of its own, among those that `selector` finds."""
    return page.js(f"const SELECTOR = {selector!r};{MEASURE}")
