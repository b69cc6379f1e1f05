export type { Tell } from './jobs.ts';
export { type CatalogueContext, openCatalogue } from './module.ts';
export type { SummaryBody } from './render.ts';
export type { CatalogueService, Editor, NewShow, Stock } from './service.ts';
export type { PerformanceFacts, ShowFacts } from './store.memory.ts';
