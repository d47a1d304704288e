"""Texts that attack the front end they are shown in, and a server that counts what they fetch.

`RUN` stands for JavaScript that sets `window.pwned<number>`, `LEAK` for an address of the counting server; both tell
which text it was. They go for HTML, Markdown, MathJax, SVG, JupyterLab's own attributes and addresses, and for whoever
copies what he sees.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SCRIPTS = [
    "<script>RUN</script>",
    "<SCRIPT SRC='LEAK'></SCRIPT>",
    "</div></div><script>RUN</script>",
    "<!--><script>RUN</script>-->",
    "<![CDATA[<script>RUN</script>]]>",
    "<?php <script>RUN</script> ?>",
    "<scr<script>ipt>RUN</scr</script>ipt>",
    "<style><!--</style><script>RUN</script>",
    "<noscript><p title=\"</noscript><img src=x onerror='RUN'>\">",
    "<xmp><p title=\"</xmp><img src=x onerror='RUN'>\">",
    "<template><script>RUN</script></template><img src=x onerror=RUN>",
]
HANDLERS = [
    "<img src=x onerror=RUN>",
    "<img src=x:x onerror\n=\nRUN>",
    "<img/src/onerror=RUN>",
    "<svg onload=RUN><script>RUN</script></svg>",
    "<svg><animate onbegin=RUN attributeName=x dur=1s></svg>",
    "<svg><a xlink:href='javascript:RUN'><text y=20>x</text></a></svg>",
    "<svg><use href='data:image/svg+xml,<svg id=x xmlns=http://www.w3.org/2000/svg onload=RUN></svg>#x'/></svg>",
    "<svg><foreignObject><img src=x onerror=RUN></foreignObject></svg>",
    "<math><mtext></p><img src=x onerror=RUN></math>",
    "<math href='javascript:RUN'>x</math>",
    "<math><annotation-xml encoding='text/html'><img src=x onerror=RUN></annotation-xml></math>",
    "<details open ontoggle=RUN>x</details>",
    "<textarea autofocus onfocus=RUN>",
    "<b onmouseover=RUN onclick=RUN>hover</b>",
    "<div contenteditable onfocus=RUN tabindex=0>x</div>",
    "<video src='LEAK' onerror=RUN></video><audio src='LEAK'></audio>",
    "<marquee onstart=RUN>x</marquee>",
    "<style>@keyframes v{}</style><b style='animation:v 1s' onanimationstart=RUN>x</b>",
]
FRAMES_AND_FORMS = [
    "<iframe src='javascript:parent.RUN'></iframe>",
    "<iframe src='LEAK'></iframe>",
    "<iframe srcdoc='<script>parent.RUN</script>'></iframe>",
    "<object data='LEAK'></object><embed src='LEAK'>",
    "<object data='javascript:RUN'></object>",
    "<form action='LEAK'><input autofocus onfocus=RUN></form>",
    "<form action='javascript:RUN'><button>Log in again</button></form>",
    "<form><button formaction='javascript:RUN'>Log in again</button></form>",
    "<label>API key <input name=key type=password></label>",
]
FETCHES = [
    "<img src='LEAK'>",
    "<img srcset='LEAK 1x'>",
    "<picture><source srcset='LEAK'><img></picture>",
    "<svg><image href='LEAK'/></svg>",
    "<svg><filter id=f><feImage href='LEAK'/></filter><rect filter='url(#f)' width=9 height=9 /></svg>",
    "<style>body{background:url(LEAK)}</style>",
    "<style>@import 'LEAK';</style>",
    "<style>@font-face{font-family:f;src:url(LEAK)} *{font-family:f,sans-serif}</style>",
    "<div style='background:url(LEAK)'>x</div>",
    "<div style=\"list-style:url('LEAK');display:list-item\">x</div>",
    "<table background='LEAK'><tr><td background='LEAK'>x</td></tr></table>",
    "<link rel=stylesheet href='LEAK'>",
    "<link rel=prefetch href='LEAK'><link rel=preload as=image href='LEAK'>",
    "<input type=image src='LEAK'>",
    "<a href='https://a.example' ping='LEAK'>ping</a>",
    "<meta http-equiv=refresh content='0;url=LEAK'>",
    "<base href='LEAK/'>",
]
OVERLAYS = [
    "<div style='position:fixed;inset:0;z-index:9999;background:#fff'>Your session has expired</div>",
    "<style>.jp-Notebook{display:none!important}.jp-OutputArea-output *{position:fixed!important;inset:0}</style>",
    "<dialog open style='position:fixed;inset:0'>Enter your key</dialog>",
    "<div popover id=pop>x</div><button popovertarget=pop>y</button>",
    "<p class='lm-Widget jp-Dialog jp-mod-active'>x</p>",
]
CLOBBERS = [
    "<a id=jupyterapp></a><a id=jupyterapp name=commands></a>",
    "<a id=jupyter-config-data></a><img name=currentScript>",
    "<form id=require><input name=config></form>",
]
LINKS = [
    "[link](javascript:RUN)",
    "[link](JaVaScRiPt&colon;RUN)",
    "[link](&#106;avascript:RUN)",
    "[link](java%0ascript:RUN)",
    "[link](\x01javascript:RUN)",
    "[link](<java\tscript:RUN>)",
    "[link](vbscript:RUN)",
    "[link](data:text/html,<script>RUN</script>)",
    "[link](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[link](file:///etc/passwd)",
    "[link](blob:http://127.0.0.1/x)",
    "[link](view-source:https://a.example)",
    "[link][js]\n\n[js]: javascript:RUN",
    "[js2]\n\n[js2]: <javascript:RUN> 'title'",
    "[a](https://a.example 'x\" onmouseover=\"RUN')",
    '[a](https://a.example/"onmouseover="RUN)',
    "<javascript:RUN>",
    "<data:text/html,RUN>",
    "[out](/logout)",
    "[out](//a.example/x)",
    "[file](files/secret.txt)",
    "[file](../../api/contents)",
    "[here](#main)",
    "[js](https://a.example@javascript:RUN)",
    "<a href='javascript:RUN'>raw</a>",
    "<a href='&#x6a;avascript:RUN'>raw</a>",
]
IMAGES = [
    "![img](LEAK)",
    "![img][ref]\n\n[ref]: LEAK",
    "![a](LEAK 'x\" onerror=\"RUN')",
    '![x" onerror="RUN](LEAK)',
    "![x](data:image/svg+xml,<svg/onload=RUN>)",
    "![x](data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+)",
    "[![x](LEAK)](javascript:RUN)",
    "![x](attachment:x.png) ![y](files/LEAK)",
]
BLOCKS = [
    '```html"><script>RUN</script>\ncode\n```',
    "```html\n<script>RUN</script><img src=LEAK onerror=RUN>\n```",
    '~~~"onmouseover="RUN\ncode\n~~~',
    "``` {.python onclick=RUN}\ncode\n```",
    "```mermaid\ngraph TD; A-->B; click A 'javascript:RUN'\n```",
    "`<img src=x onerror=RUN>`",
    "    <script>RUN</script>",
    "| <img src=x onerror=RUN> |\n|---|\n| ![c](LEAK) |",
    '| a |\n|:-"onclick="RUN|\n| <script>RUN</script> |',
    "# <img src=x onerror=RUN>",
    "# Title {#main onclick=RUN}",
    "> - <script>RUN</script>\n>   1. <img src=LEAK>",
    "Text[^1]\n\n[^1]: <img src=x onerror=RUN> ![f](LEAK) [f](javascript:RUN)",
    'Text[^"><script>RUN</script>]\n\n[^"><script>RUN</script>]: note',
    "Text[^__proto__] and inline^[<img src=x onerror=RUN>]\n\n[^__proto__]: note",
    "- [x] <input type=checkbox onclick=RUN>",
    "Term\n: <script>RUN</script>",
    "---\ntitle: <script>RUN</script>\n---",
]
FORMULAS = [
    "$\\href{javascript:RUN}{click}$",
    "$ \\href{javascript:RUN}{click} $",
    "\\(\\href{javascript:RUN}{click}\\)",
    "$\\require{html}\\style{position:fixed;inset:0}{x}$",
    "$$\n\\style{background:url(LEAK)}{x}\n$$",
    "$$\\require{action}\\toggle{a}{b}\\endtoggle$$",
    "$\\class{jp-Dialog}{x}\\cssId{jupyter-config-data}{y}$",
    "$\\unicode[font:url(LEAK)]{x41}$",
    "$\\includegraphics{LEAK}$",
    "$\\def\\x{\\x}\\x$",
    "$\\data{commandlinker-command=help:about}{x}$",
    "$\\text{<img src=x onerror=RUN>}$",
    "\\(</span><img src=x onerror=RUN>\\)",
    "$<img src=x onerror=RUN>$",
    "\\begin{a}<script>RUN</script>\\end{a}",
]
OF_JUPYTER = [
    "<button data-commandlinker-command='help:about' data-commandlinker-args='{}'>x</button>",
    '<b data-jupyter-id="x" data-jp-suggest="y" data-victor="z">x</b>',
    "<div class='jp-RenderedHTMLCommon' data-mime-type='application/javascript'>RUN</div>",
    "[out](LEAK?jupyter-command=help:about) <jp-button onclick=RUN>x</jp-button>",
    "IPython.notebook.kernel.execute('RUN') %%javascript\nRUN",
]
CHARACTERS = [
    "\u202e<script>RUN</script>\u202c access\u2066 granted\u2069",
    "a\x00b<scr\x00ipt>RUN</scr\x00ipt>\ud800",
    "\x1b[2J\x1b]0;title\x07\x1b]8;;javascript:RUN\x1b\\link\x1b]8;;\x1b\\\x1b[31mred",
    "a\rb\x08\x08\x7f\x9b31m\u2028RUN\u2029",
    "\ufeff\u200b<\u200bscript>RUN</script>\ufffe",
    "＜script＞RUN＜/script＞ ‹script›",
]
TEMPLATES = [
    "{{ constructor.constructor('RUN')() }} ${RUN} <%= RUN %> {% RUN %} #{RUN}",
    "%(x)s {0.__class__} {x!r:>{y}} $x {{}} {{ 1/0 }}",
    "</textarea></title></style></script><script>RUN</script>",
    "\"'><svg/onload=RUN>",
    "';RUN;//\\';RUN;//\"",
]
HOSTILE = [
    *SCRIPTS,
    *HANDLERS,
    *FRAMES_AND_FORMS,
    *FETCHES,
    *OVERLAYS,
    *CLOBBERS,
    *LINKS,
    *IMAGES,
    *BLOCKS,
    *FORMULAS,
    *OF_JUPYTER,
    *CHARACTERS,
    *TEMPLATES,
]


def corpus(leak: str) -> list[str]:
    """The texts; what they fetch they ask of `leak`."""
    return [
        text.replace("RUN", f"window.pwned{number}=1").replace("LEAK", f"{leak}/{number}")
        for number, text in enumerate(HOSTILE)
    ]


@contextmanager
def leak_counter() -> Iterator[tuple[str, list[str]]]:
    """A loopback server's URL and the paths that were asked of it."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        do_POST = do_GET

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()
