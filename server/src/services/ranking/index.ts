export { openRanking, type RankingContext } from './module.ts';
export type { Ranking } from './service.ts';
