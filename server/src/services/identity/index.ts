// Beside the roles: log-in-guard.ts, how long a wrong log-in must wait.
// Beside the roles: passwords.ts, hashes of passwords, a few at once.
export { openIdentity } from './module.ts';
export type { Identity, IdentityService, SignedIn } from './service.ts';
