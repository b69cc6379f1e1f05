export { openRanking } from './module.ts';
export type { Ranking } from './service.ts';
