import { parseArgs } from 'node:util';
import { email, password, role, signUp } from '@usher/contract/identity.ts';
import { locale } from '@usher/contract/primitives.ts';
import type { z } from 'zod';
import type { Settings } from '../config.ts';
import { systemClock } from '../platform/clock.ts';
import { makeIds } from '../platform/ids.ts';
import { type Log, makeLog } from '../platform/log.ts';
import { makeMetrics } from '../platform/metrics.ts';
import { openDatabase } from '../platform/postgres/sql.ts';
import { processPort } from '../platform/process.ts';
import { makeProofOfWork, makeUsedChallenges } from '../platform/proof-of-work.ts';
import { type Identity, openIdentity } from '../services/identity/index.ts';
import { configOrFaults } from './check-config.ts';
import { type Command, suggestWord, UsageError } from './command.ts';
import { openSurroundings } from './surroundings.ts';

const help = `usher account: make accounts, and end their sessions, on the console of the server

  account make --role ROLE --email E    make an account; without --password-stdin a random password
                                        is made and printed, once
       --password-stdin                 read the password from standard input
       --name NAME  --locale ko|en      its name (default: the role), its language (default ko)
  account set-role --role ROLE --email E   change the role of an account; ends its sessions
  account end-sessions --email E | --all   sign an account out everywhere, or everybody

ROLE is BUYER, ORGANISER (makes shows) or OPERATOR (may do everything). The database is that of
DATABASE_URL, at this version (usher migrate). A running server takes notice within a second.

Exit codes: 0 done, 1 failed, 2 usage error.
`;

const text = { type: 'string' } as const;
const flag = { type: 'boolean', default: false } as const;
const read = (argv: string[]) =>
  parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      role: text,
      email: text,
      name: text,
      locale: text,
      all: flag,
      'password-stdin': flag,
    },
  });
type Values = ReturnType<typeof read>['values'];

/** The options of each verb; another one is a usage error. */
const verbs: Readonly<Record<string, readonly (keyof Values)[]>> = {
  make: ['role', 'email', 'name', 'locale', 'password-stdin'],
  'set-role': ['role', 'email'],
  'end-sessions': ['email', 'all'],
};

const roleNames = role.options;

const checkRole = (given: string | undefined) => {
  const parsed = role.safeParse(given?.toUpperCase());
  if (parsed.success) return parsed.data;
  const suggestion = suggestWord(given ?? '', roleNames);
  throw new UsageError(`--role must be one of ${roleNames.join(', ')}${suggestion}`);
};

const checkText = <T>(schema: z.ZodType<T>, given: unknown, name: string): T => {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  throw new UsageError(`${name}: ${parsed.error.issues.map(({ message }) => message).join(', ')}`);
};

/** Tells what was done; throws if nothing was. */
type Deed = (identity: Identity) => Promise<string>;

const prepareMake = async (values: Values): Promise<Deed> => {
  const isGiven = values['password-stdin'];
  const wanted = {
    role: checkRole(values.role),
    email: checkText(email, values.email, '--email'),
    name: checkText(signUp.body.shape.name, values.name ?? values.role, '--name'),
    locale: checkText(locale, values.locale ?? 'ko', '--locale'),
    password: isGiven
      ? checkText(password, (await processPort.readInput()).replace(/\r?\n$/, ''), 'the password')
      : makeIds(systemClock).secret(),
  };
  return async (identity) => {
    const made = await identity.makeAccount(wanted);
    switch (made.outcome) {
      case 'made':
        return [
          `${wanted.role} ${wanted.email} was made`,
          ...(isGiven ? [] : [`password: ${wanted.password}`]),
        ].join('\n');
      case 'email-taken':
        throw new Error(
          `${wanted.email} has an account, which was not changed; see usher account set-role`,
        );
      case 'password-too-common':
        throw new Error('the password is one of those that are tried first when guessing');
    }
  };
};

const prepareSetRole = (values: Values): Deed => {
  const wantedRole = checkRole(values.role);
  const wantedEmail = checkText(email, values.email, '--email');
  return async (identity) => {
    const changed = await identity.setRole(wantedEmail, wantedRole, 'set on the console');
    if (changed.outcome === 'not-found') throw new Error(`${wantedEmail} has no account`);
    return `${wantedEmail} is ${wantedRole}; ${changed.endedSessions} sessions were ended`;
  };
};

const prepareEndSessions = (values: Values): Deed => {
  if ((values.email !== undefined) === values.all)
    throw new UsageError('account end-sessions needs --email E, or --all');
  const wantedEmail = values.all ? null : checkText(email, values.email, '--email');
  return async (identity) => {
    const count = await identity.endSessions(wantedEmail, 'ended on the console');
    return `${count} sessions were ended`;
  };
};

const prepareDeed = async (argv: string[]): Promise<Deed> => {
  const { values, positionals } = read(argv);
  const [verb = '', ...more] = positionals;
  const allowed = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined;
  if (allowed === undefined)
    throw new UsageError(`there is no 'account ${verb}'${suggestWord(verb, Object.keys(verbs))}`);
  if (more.length > 0) throw new UsageError(`account ${verb} takes no '${more[0]}'`);
  for (const [name, value] of Object.entries(values))
    if (value !== false && !allowed.includes(name as keyof Values))
      throw new UsageError(`--${name} cannot be used with account ${verb}`);
  if (verb === 'make') return prepareMake(values);
  return verb === 'set-role' ? prepareSetRole(values) : prepareEndSessions(values);
};

/** Opens the service of accounts alone: nothing else runs, and nothing listens. */
const withIdentity = async <T>(
  config: Readonly<Settings>,
  log: Log,
  work: (identity: Identity) => Promise<T>,
): Promise<T> => {
  const surroundings = await openSurroundings(config, log);
  const { databaseUrl: url, secret } = surroundings;
  const metrics = makeMetrics();
  const db = openDatabase({ url, name: 'account', log, poolMax: 2 });
  try {
    // No request comes in here, so no challenge is ever used.
    const used = makeUsedChallenges({ clock: systemClock, max: 0 });
    const context = {
      db,
      clock: systemClock,
      ids: makeIds(systemClock),
      log,
      metrics,
      secret,
      publicUrl: 'http://127.0.0.1',
      // Running servers are notified by the database.
      listen: () => undefined,
      relayWake: () => undefined,
      config,
    };
    const proofOfWork = makeProofOfWork({ secret, clock: systemClock, used });
    const identity = await openIdentity(context, { proofOfWork });
    return await work(identity.service).finally(identity.close);
  } finally {
    await db.close();
    metrics.close();
    await surroundings.close();
  }
};

const run = async (argv: string[]): Promise<number> => {
  const deed = await prepareDeed(argv);
  const config = configOrFaults();
  if (config === null) return 1;
  const log = makeLog({ level: config.LOG_LEVEL, service: 'usher' });
  processPort.print(`${await withIdentity(config, log, deed)}\n`);
  return 0;
};

export const accountCommand: Command = { help, run };
