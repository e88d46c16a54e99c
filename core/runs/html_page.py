"""The frame of report.html: its colours, its tables, and nothing that it would have to fetch."""

from collections.abc import Sequence
from html import escape

STYLE = """
:root{color-scheme:light dark;--window:#fff;--text:#1c2227;--muted:#566069;--line:#ccd3d8;
--raised:#f1f3f4;--kept:#00805d;--accuracy:#0072b2;--criteria:#8a6400;--baseline:#3c454c;
--gone:#b4460a}
@media(prefers-color-scheme:dark){:root{--window:#15191c;--text:#e8ecef;--muted:#a3afb8;
--line:#3a434a;--raised:#1d2226;--kept:#2fc79b;--accuracy:#56b4e9;--criteria:#d9b64a;
--baseline:#c9d1d7;--gone:#f08a4b}}
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;
background:var(--window);color:var(--text)}
h1{font-size:1.6rem;margin-bottom:.2rem}h2{font-size:1.15rem;margin-top:2.2rem}
.muted,figcaption,caption{color:var(--muted)}.verdict{font-size:1.1rem}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .8rem .25rem 0;border-bottom:1px solid var(--line);text-align:right;
font-weight:normal}th:first-child,td:first-child{text-align:left}thead th{color:var(--muted)}
caption{text-align:left;padding-bottom:.4rem}tr.learned td{font-weight:600}
pre{background:var(--raised);padding:.8rem;overflow-x:auto}.wide{overflow-x:auto}
figure{margin:1rem 0}svg{max-width:100%;height:auto}svg.strip{max-width:36rem;height:14px}
.axis{font-size:12px;fill:var(--muted)}.grid{stroke:var(--line);stroke-width:1;fill:none}
.level{stroke-width:1.5;stroke-dasharray:6 4;fill:none}.line{stroke-width:2;fill:none}
.dots{stroke-width:4;stroke-linecap:round;fill:none;opacity:.55}.dots.criteria,.dots.learned{
stroke-width:8;opacity:1}
.key{display:inline-block;width:.8em;height:.8em;margin:0 .4em 0 1em;border-radius:50%}
path.candidate{stroke:var(--accuracy)}path.learned{stroke:var(--kept)}
path.criteria{stroke:var(--criteria)}path.baseline{stroke:var(--baseline)}
.key.candidate{background:var(--accuracy)}.key.learned{background:var(--kept)}
.key.criteria{background:var(--criteria)}.key.baseline{background:var(--baseline)}
rect.learned{fill:var(--kept)}rect.criteria{fill:var(--criteria)}rect.gone{fill:var(--gone)}
"""


def page(title: str, sections: Sequence[str]) -> str:
    """Put sections of HTML under a title, in a page of its own."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        # nothing is fetched and nothing runs, whatever a name in it holds
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n<body>\n"
        + "\n".join(sections)
        + "\n</body></html>\n"
    )


def section(title: str, *parts: str) -> str:
    """A heading and what stands under it, as HTML."""
    return f"<section><h2>{escape(title)}</h2>\n{''.join(parts)}</section>"


def paragraph(words: str, style: str = "") -> str:
    """A paragraph of plain words."""
    kind = f' class="{escape(style, quote=True)}"' if style else ""
    return f"<p{kind}>{escape(words)}</p>\n"


def code(text: str) -> str:
    """Text as it is."""
    return f"<pre>{escape(text)}</pre>\n"


def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, strong: int | None = None
) -> str:
    """Rows of plain words under a header; row `strong` stands out."""
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in header)
    body = "".join(
        ('<tr class="learned">' if index == strong else "<tr>")
        + "".join(f"<td>{escape(cell)}</td>" for cell in row)
        + "</tr>\n"
        for index, row in enumerate(rows)
    )
    top = f"<thead><tr>{head}</tr></thead>" if any(header) else ""
    return f'<div class="wide"><table>{top}<tbody>{body}</tbody></table></div>\n'
