// Beside the roles: counts.ts, likes and sold out of every show in memory.
// Beside the roles: sold-out.ts, when a show is sold out.
// Beside the roles: poster-svg.ts, what a poster may hold.
export type { PerformanceFacts, ShowFacts } from './cache.ts';
export { type CatalogueContext, openCatalogue } from './module.ts';
export type { CatalogueService, Editor, NewShow, Stock } from './service.ts';
export type { SummaryBody } from './view.ts';
