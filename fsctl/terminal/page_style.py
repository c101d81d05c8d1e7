"""The look of the page that ``page`` writes: one constant, so that its hash can be in the CSP."""

STYLE = """
:root{color-scheme:light dark;--paper:#f6f7f9;--card:#fff;--ink:#1b1f27;--soft:#5c6575;
--line:#e1e5eb;--link:#1d5fd1;--bar:#a9b6c9;--error:#b3261e;--error-wash:#fdecea;
--frustration:#8f5a00;--frustration-wash:#fff3da;--input:#1e6b3f;--input-wash:#e6f4ec;
--custom:#2553b8;--custom-wash:#e8effd;--plain-wash:#eef1f5;--code:#3f4b5e}
@media screen and (prefers-color-scheme:dark){:root{--paper:#12151b;--card:#1a1f28;--ink:#e7eaf0;
--soft:#98a3b5;--line:#2b3340;--link:#8ab4ff;--bar:#4d5b71;--error:#ff9c94;--error-wash:#44201f;
--frustration:#ffc561;--frustration-wash:#40300f;--input:#84d6a6;--input-wash:#17362a;
--custom:#9dbcff;--custom-wash:#1e2d50;--plain-wash:#262d39;--code:#b9c4d6}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);overflow-wrap:anywhere;
font:.94rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
main{max-width:60rem;margin:0 auto;padding:2rem 1.25rem 3rem}
a{color:var(--link);text-decoration:none}
a:hover{text-decoration:underline}
h1{font-size:1.7rem;line-height:1.25;margin:.1rem 0 .2rem;letter-spacing:-.01em}
h2{font-size:.8rem;margin:0 0 .7rem;color:var(--soft);font-weight:600;text-transform:uppercase;
letter-spacing:.06em}
p{margin:0}
.soft{color:var(--soft)}
.card{background:var(--card);border:1px solid var(--line);border-radius:12px;
padding:1.1rem 1.25rem;margin-top:1rem}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(11.5rem,1fr));gap:.9rem 1.5rem;
margin:0}
dt{color:var(--soft);font-size:.8rem}
dd{margin:0;font-weight:500}
.wide{grid-column:1/-1}
.chips{display:flex;flex-wrap:wrap;gap:.45rem;margin-top:1rem}
.kind{display:inline-block;padding:.05rem .5rem;border-radius:6px;background:var(--plain-wash);
color:var(--soft);font-size:.8rem;font-weight:600;white-space:nowrap;max-width:100%;
overflow:hidden;text-overflow:ellipsis;vertical-align:bottom}
.chips .kind{padding:.2rem .7rem;border-radius:99px;font-size:.85rem}
.error .kind,.kind.error{background:var(--error-wash);color:var(--error)}
.frustration .kind,.kind.frustration{background:var(--frustration-wash);color:var(--frustration)}
.input .kind{background:var(--input-wash);color:var(--input)}
.custom .kind{background:var(--custom-wash);color:var(--custom)}
svg{display:block;width:100%;height:64px}
rect{fill:var(--bar)}
rect.error{fill:var(--error)}
rect.frustration{fill:var(--frustration)}
line{stroke:var(--line);stroke-width:1}
.axis{display:flex;justify-content:space-between;color:var(--soft);font-size:.8rem;
font-variant-numeric:tabular-nums;margin-top:.3rem}
ol{list-style:none;margin:0;padding:0}
section.card{padding:0;overflow:clip}
section>header{position:sticky;top:0;display:flex;flex-wrap:wrap;gap:.1rem .9rem;
align-items:baseline;padding:.7rem 1.25rem;background:var(--card);
border-bottom:1px solid var(--line)}
section>header .at{min-width:3.2rem}
section>header h3{margin:0;font-size:1rem;flex:1 1 16rem;font-weight:600}
section>header:last-child{border-bottom:0}
.at{color:var(--soft);font-variant-numeric:tabular-nums;font-size:.85rem}
.trouble .at{color:var(--link)}
.steps{padding:.35rem 0;content-visibility:auto;contain-intrinsic-size:auto 500px}
.steps li,.trouble li{display:grid;grid-template-columns:3.2rem 8.6rem minmax(0,1fr);gap:.9rem;
padding:.3rem 1.25rem;align-items:baseline}
.trouble li{padding:.2rem 0}
.steps li{padding-left:calc(1.25rem - 3px);border-left:3px solid transparent}
.steps li.error{border-color:var(--error)}
.steps li.frustration{border-color:var(--frustration)}
li:target{background:var(--plain-wash)}
.text{white-space:pre-wrap}
.error .text,.frustration .text,.custom .text{font-weight:500}
code{font:.82rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"Noto Sans Mono",monospace;
color:var(--code)}
.more{display:inline-block;margin-right:.8rem;color:var(--soft);font-size:.85rem}
.more b{font-weight:500;color:var(--code)}
.what>*{margin-right:.6rem}
footer{margin-top:1.5rem;color:var(--soft);font-size:.8rem}
@media (max-width:40rem){main{padding:1.1rem .75rem 2rem}h1{font-size:1.35rem}
.card{padding:.9rem 1rem}section>header{padding:.6rem 1rem}
.steps li,.trouble li{grid-template-columns:3.4rem minmax(0,1fr);gap:.1rem .7rem}
.steps li{padding:.35rem 1rem .35rem calc(1rem - 3px)}
.what{grid-column:2}dl{grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr))}}
@media print{html{font-size:12px}body{background:#fff;print-color-adjust:exact;
-webkit-print-color-adjust:exact}main{max-width:none;padding:0}
section>header{position:static;break-after:avoid}.card{break-inside:auto;border-radius:6px}
.steps{content-visibility:visible}li,dl,svg{break-inside:avoid}}
"""
