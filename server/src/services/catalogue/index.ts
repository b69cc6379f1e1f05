// Beside the roles: poster-svg.ts, what a poster may hold.
export type { PerformanceFacts, ShowFacts } from './cache.ts';
export type { Tell } from './jobs.ts';
export { type CatalogueContext, openCatalogue } from './module.ts';
export type { CatalogueService, Editor, NewShow, Stock } from './service.ts';
export type { SummaryBody } from './view.ts';
