"""The look of the report: a phone, a wide screen, a dark one, and paper."""

from __future__ import annotations

from instill.measure.page.pictures import DARK

LIGHT_TEXT = {"ink": "#1d2326", "paper": "#ffffff", "soft": "#50595e", "card": "#f3f5f6", "accent": "#1d5a94"}
DARK_TEXT = {"ink": "#eceff1", "paper": "#15191c", "soft": "#aab4b9", "card": "#20262a", "accent": "#8fc1f0"}
"""Colours of text (ink, soft, accent) and of what it stands on (paper, card)."""

_RULES = """\
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{font:16px/1.55 system-ui,-apple-system,"Segoe UI",sans-serif;max-width:64rem;margin:0 auto;padding:1rem;
color:var(--ink);background:var(--paper);overflow-wrap:anywhere}
h1{font-size:1.15rem;margin:.2rem 0;color:var(--soft);font-weight:600}
.in-short{font-size:1.1rem;line-height:1.45;margin:.6rem 0 1rem}.in-short dd{margin:0 0 .5rem;max-width:46rem}
.verdict{font-size:clamp(1.3rem,5vw,1.9rem);line-height:1.3;font-weight:650;margin:.6rem 0 1rem;text-wrap:pretty}
h2{font-size:1.2rem;margin:2.4rem 0 .6rem;padding-top:.9rem;border-top:1px solid var(--edge)}
h3{font-size:1rem;margin:1.6rem 0 .3rem}
p{margin:.5rem 0;max-width:46rem}.soft,caption,dt{color:var(--soft)}
a{color:var(--accent)}a:focus-visible,summary:focus-visible,.wide:focus-visible{outline:3px solid var(--accent)}
nav ul{list-style:none;margin:0;padding:0;display:flex;flex-wrap:wrap;gap:.3rem 1.1rem;font-size:.9rem}
nav a{display:inline-block;padding:.25rem 0}
table{border-collapse:collapse;font-size:.9rem;width:100%}
caption{text-align:left;font-size:.85rem;padding:.2rem 0}
th,td{padding:.35rem .7rem .35rem 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--edge)}
thead th{font-size:.8rem;color:var(--soft);font-weight:600;vertical-align:bottom}
.wide{overflow-x:auto;margin:.7rem 0}.wide th,.wide td{overflow-wrap:normal;min-width:5.2rem}
.wide th[scope=row]{min-width:8rem}
.stacked th,.stacked td{min-width:5.5rem}.stacked th{overflow-wrap:normal}.stacked .number{white-space:normal}
.state{font-weight:650}.number{font-variant-numeric:tabular-nums;white-space:nowrap}
.figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(22.5rem,100%),1fr));
gap:1rem 1.6rem;margin:1rem 0}
figure{margin:0}figcaption{font-weight:600;font-size:.9rem}svg{display:block;max-width:30rem}
details{background:var(--card);border-radius:.4rem;padding:.1rem .8rem;margin:.5rem 0}
summary{cursor:pointer;padding:.45rem 0}details[open]{padding-bottom:.7rem}
pre{font:.82rem/1.45 ui-monospace,Menlo,Consolas,monospace;white-space:pre-wrap;overflow-wrap:anywhere;margin:.4rem 0;
max-height:28rem;overflow:auto;background:var(--paper);border:1px solid var(--edge);border-radius:.3rem;padding:.6rem}
dl{margin:.4rem 0}dl div{margin:.25rem 0}dt{font-size:.85rem}dd{margin:0}
.case{border-left:3px solid var(--edge);padding-left:.8rem;margin:.9rem 0}
@media(min-width:41rem){dl div{display:grid;grid-template-columns:9rem 1fr;gap:.8rem}}
@media(max-width:40.99rem){
body{padding:.8rem}
.stacked thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.stacked,.stacked tbody,.stacked tr,.stacked th,.stacked td,.stacked caption{display:block}
.stacked tr{background:var(--card);border-radius:.4rem;padding:.5rem .8rem;margin:.6rem 0}
.stacked th,.stacked td{min-width:0;border:0;padding:.12rem 0}.stacked tbody th{font-size:1.02rem}
.stacked td::before{content:attr(data-label) ": ";color:var(--soft)}}
@media print{
@page{margin:16mm}
body{font-size:10.5pt;max-width:none;padding:0}nav{display:none}h2,h3,caption,figcaption,summary{break-after:avoid}
figure,tr,.case,pre{break-inside:avoid}pre{max-height:none;overflow:visible}.wide{overflow:visible}
.wide th,.wide td,.stacked th,.stacked td{min-width:0;font-size:8pt;padding-right:.4rem}.number{white-space:normal}
.figures{grid-template-columns:1fr 1fr}details{background:none;padding:0}summary{list-style:none;font-weight:600}
details::details-content{content-visibility:visible;display:block;block-size:auto;opacity:1}}"""


def style() -> str:
    """All rules, those of the pictures included."""
    return (
        f":root{{color-scheme:light dark;{_variables(LIGHT_TEXT)}--edge:#d3d9dc}}\n{_RULES}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{_variables(DARK_TEXT)}--edge:#3a4247}}\n"
        f"{_pictures()}}}"
    )


def _variables(colours: dict[str, str]) -> str:
    return "".join(f"--{name}:{value};" for name, value in colours.items())


def _pictures() -> str:
    """Pictures carry their colours as attributes, which any rule overrides."""
    return "\n".join(
        f'svg [{attribute}="{light}"]{{{attribute}:{dark}}}'
        for light, dark in DARK.items()
        for attribute in ("fill", "stroke")
    )
