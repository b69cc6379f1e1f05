import type { Identity } from '../services/identity/index.ts';

const password = 'usher-demo-2026';

/** The accounts that `npm start` prints; for trying out only. */
export const demoAccounts = [
  { email: 'minji@example.com', password, name: '김민지', role: 'BUYER', locale: 'ko' },
  { email: 'organiser@example.com', password, name: '박서준', role: 'ORGANISER', locale: 'ko' },
  { email: 'operator@example.com', password, name: '이하늘', role: 'OPERATOR', locale: 'ko' },
] as const;

export type DemoLogIn = {
  readonly role: string;
  readonly email: string;
  readonly password: string;
};

/**
 * The demo's passwords are published, so they are valid only where nobody else can reach the
 * server. Elsewhere every start gives these accounts random passwords; on its own machine the demo
 * gets the published ones back. Called before the server listens. Resolves with the log-ins that
 * the console must show; nothing else stores the random ones.
 */
export const protectDemoAccounts = async (
  identity: Pick<Identity, 'hasPassword' | 'setPassword'>,
  where: { isReachable: boolean; isDemo: boolean; makePassword: () => string },
): Promise<DemoLogIn[]> => {
  const { isReachable, isDemo, makePassword } = where;
  const logIns: DemoLogIn[] = [];
  for (const { email, role, password: published } of demoAccounts) {
    const isPublished = await identity.hasPassword(email, published);
    // A database that others gave us may have had the demo once; its other passwords stay.
    const mustChange = isReachable ? isDemo || isPublished : isDemo && !isPublished;
    const chosen = isReachable ? makePassword() : published;
    const isChanged =
      mustChange && (await identity.setPassword(email, chosen, 'demo')).outcome === 'changed';
    if (isChanged || (isDemo && !isReachable)) logIns.push({ role, email, password: chosen });
  }
  return logIns;
};
