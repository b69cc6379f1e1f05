export { type IdentityContext, openIdentity } from './module.ts';
export type { AccountFacts, IdentityService } from './service.ts';
