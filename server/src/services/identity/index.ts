export { type IdentityContext, openIdentity } from './module.ts';
export type { AccountFacts, Identity, IdentityService, SignedIn } from './service.ts';
