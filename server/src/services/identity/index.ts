// Beside the roles: codes.ts, the codes that are mailed.
// Beside the roles: common-passwords.ts, which passwords are too common.
// Beside the roles: debts.ts, a count of what somebody did beyond what is free.
// Beside the roles: known-browsers.ts, in which browser an e-mail logged in before.
// Beside the roles: log-in-guard.ts, how long a log-in must wait after wrong ones.
// Beside the roles: sign-up-guard.ts, how much work a sign-up costs.
// Beside the roles: passwords.ts, hashes of passwords, a few at once.
export { openIdentity } from './module.ts';
export type { Identity, IdentityService, SignedIn } from './service.ts';
