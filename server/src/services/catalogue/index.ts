// Beside the roles: counts.ts, likes and sold out of every show in memory.
// Beside the roles: sold-out.ts, when a show is sold out.
// Beside the roles: poster-svg.ts, what a poster may contain.
// Beside the roles: painting.ts, which grade each seat of a show has.
// Beside the roles: painting-store.ts, the SQL of paintings.
// Beside the roles: show-edit.ts, a show while it is edited: who may, its rules, its poster.
// Beside the roles: stock.ts, what the catalogue asks of the seats.
export type { PerformanceFacts, ShowFacts } from './cache.ts';
export { openCatalogue } from './module.ts';
export type { CatalogueService } from './service.ts';
export type { Editor } from './show-edit.ts';
export type { Stock } from './stock.ts';
export type { SummaryBody } from './view.ts';
