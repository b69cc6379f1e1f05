/** Style of the page with the charts: light and dark, one column on a phone. */
export const pageStyle = `
:root{color-scheme:light dark;--paper:#f6f6f4;--card:#fff;--ink:#1b1d22;--soft:#5d636e;
--rule:#e4e5e8;--blue:#2f6bd8;--orange:#d9730d;--green:#1f8a4c;--red:#c62f3a;--limit:#6b7280}
@media (prefers-color-scheme:dark){:root{--paper:#14161a;--card:#1c1f25;--ink:#eceef2;
--soft:#a2a9b5;--rule:#30343c;--blue:#7aa7ff;--orange:#f2a65a;
--green:#5cc98a;--red:#ff7b84;--limit:#9aa3b2}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans KR",sans-serif}
header,main{max-width:1180px;margin:0 auto;padding:0 16px}
header{padding-top:28px;padding-bottom:8px}
h1{font-size:1.6rem;line-height:1.2;margin:0 0 10px}
h2{font-size:1.05rem;margin:0}
header p{margin:0 0 6px}
.held,.broken{display:inline-block;padding:4px 12px;border-radius:999px;font-weight:600;
border:1.5px solid currentColor}
.held{color:var(--green)}.broken{color:var(--red)}
.made{color:var(--soft);font-size:.85rem;overflow-wrap:anywhere}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(165px,1fr));gap:10px;margin:14px 0}
.tile,.card{background:var(--card);border:1px solid var(--rule);border-radius:12px}
.tile{padding:12px 14px}
.tile b{display:block;font-size:1.1rem;font-variant-numeric:tabular-nums}
.tile span{color:var(--soft);font-size:.85rem}
.tile.bad b{color:var(--red)}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));gap:14px;
align-items:start}
.card{margin:0 0 14px;padding:16px;min-width:0}
.charts .card{margin:0}
.charts+.card{margin-top:14px}
figcaption p{margin:2px 0 12px;color:var(--soft);font-size:.88rem}
.plot{display:grid;grid-template-columns:auto 1fr;grid-template-rows:220px 26px}
.plot svg{width:100%;height:100%;display:block;overflow:visible}
.y{position:relative;width:52px}
.y span{position:absolute;right:8px;transform:translateY(50%)}
.x{grid-column:2;position:relative}
.x span{position:absolute;top:6px;transform:translateX(-50%);white-space:nowrap}
.y span,.x span{color:var(--soft);font-size:.78rem;font-variant-numeric:tabular-nums}
.grid,.limit,.mark,.line{vector-effect:non-scaling-stroke;fill:none}
.grid{stroke:var(--rule);stroke-width:1}
.limit{stroke:var(--limit);stroke-width:1.5;stroke-dasharray:6 5}
.mark{stroke:var(--ink);stroke-width:1;opacity:.55}
.line{stroke-width:2;stroke-linejoin:round}
.area{opacity:.18}
.hover{fill:transparent}.hover:hover{fill:var(--ink);fill-opacity:.06}
.bar:hover{opacity:.75}
.keys{list-style:none;display:flex;flex-wrap:wrap;gap:4px 16px;margin:8px 0 0 52px;padding:0;
color:var(--soft);font-size:.85rem}
.keys i{display:inline-block;width:14px;margin-right:6px;vertical-align:middle}
.keys .swatch{height:10px;border-radius:3px}
.keys .dashed{border-top:2px dashed var(--limit)}
.keys .upright{width:0;height:14px;margin:0 12px 0 6px;
border-left:1.5px solid var(--ink);opacity:.55}
.ranked{list-style:none;margin:0;padding:0}
.ranked li{display:grid;grid-template-columns:1fr auto;gap:0 12px;
margin-bottom:9px;font-size:.92rem}
.ranked b{font-variant-numeric:tabular-nums;font-weight:600}
.ranked i{grid-column:1/-1;height:8px;border-radius:4px;margin-top:2px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{text-align:right;padding:5px 8px;border-bottom:1px solid var(--rule);
font-variant-numeric:tabular-nums}
th:first-child{text-align:left;font-weight:500;white-space:nowrap}
thead th{color:var(--soft);font-weight:500}
.steps th:first-child{width:45%}
.range{display:block;height:5px;margin-top:3px;background:var(--rule);border-radius:3px}
.range i{display:block;height:5px;background:var(--blue);border-radius:3px}
.checks th:first-child,.checks td{vertical-align:top}
.checks td:nth-child(2){text-align:left}
.checks .ok td:last-child{color:var(--green)}
.checks .bad td:last-child{color:var(--red);font-weight:600}
.checks ul{margin:4px 0;padding-left:18px;color:var(--red)}
@media print{body{background:#fff}.card,.tile{break-inside:avoid}}
`;
