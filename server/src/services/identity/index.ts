export { openIdentity } from './module.ts';
export type { Identity, IdentityService, SignedIn } from './service.ts';
