import { isIP } from 'node:net';
import { z } from 'zod';
import { isRedisUrl } from './redis/address.ts';

/** A number as people write it: no signs, exponents or spaces that a typing error may bring. */
const whole = (min: number, max: number) =>
  z
    .string()
    .refine(
      (text) => /^\d{1,15}$/.test(text) && Number(text) >= min && Number(text) <= max,
      `must be a whole number from ${min} to ${max}`,
    )
    .transform(Number);
const oneOf = <const Names extends readonly string[]>(names: Names) =>
  z.enum(names, `must be one of ${names.join(', ')}`);
const flag = oneOf(['true', 'false']).transform((value) => value === 'true');
const list = z.string().transform((value) =>
  value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== ''),
);
const secret = z.string().min(32, 'must have at least 32 characters');
const providerKey = z.string().min(8, 'must have at least 8 characters');
const isOrigin = (text: string): boolean =>
  /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text;
/** Where a server is: nothing behind its name and port. */
const origin = z
  .string()
  .transform((text) => text.replace(/\/$/, ''))
  .refine(isOrigin, 'must be an address such as https://tickets.example.com, without a path');
const isProxy = (text: string): boolean => {
  if (['loopback', 'linklocal', 'uniquelocal'].includes(text)) return true;
  const [address = '', bits = '0', more] = text.split('/');
  const bitsMax = isIP(address) === 6 ? 128 : 32;
  return isIP(address) !== 0 && /^\d+$/.test(bits) && Number(bits) <= bitsMax && more === undefined;
};

export const serviceNames = [
  'identity',
  'catalogue',
  'waiting-room',
  'seats',
  'orders',
  'payments',
  'tickets',
  'notifications',
  'operations',
] as const;
export type ServiceName = (typeof serviceNames)[number];

/** Every setting, with the default of product.md or the reason of its number. */
const settings = z.object({
  USHER_ENV: oneOf(['development', 'test', 'production']).default('development'),
  HOST: z.string().default('127.0.0.1'),
  PORT: whole(0, 65_535).default(3000),
  /** How buyers reach us: in links, payment returns and mails. Default: http://HOST:PORT. */
  PUBLIC_URL: origin.optional(),
  USHER_DATA_DIR: z.string().optional(),
  DATABASE_URL: z
    .string()
    .regex(/^postgres(?:ql)?:\/\//, 'must be postgres://user:password@host:port/database')
    .optional(),
  DATABASE_POOL_MAX: whole(2, 200).default(12),
  /** Keeps the waiting rooms; without it this process does. Single or Cluster: it is asked. */
  REDIS_URL: z
    .string()
    .refine(
      isRedisUrl,
      'must be redis://user:password@host:port, or rediss:, more of a Cluster with commas between',
    )
    .optional(),
  /** Longest group-commit batch; 1 switches group commit off, to measure what it gives. */
  BATCH_SIZE_MAX: whole(1, 1000).default(256),
  /** Signs access tokens, order links and ticket codes. Without it one is made and kept. */
  USHER_SECRET: secret.optional(),
  LOG_LEVEL: oneOf(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
  /** Addresses of proxies that may say who is calling, with commas between them. */
  TRUST_PROXY: list
    .refine(
      (parts) => parts.length > 0 && parts.every(isProxy),
      'must be addresses or networks such as 10.0.0.0/8, or loopback, linklocal, uniquelocal',
    )
    .transform((parts) => parts.join(','))
    .optional(),
  ALLOWED_ORIGINS: list
    .refine(
      (parts) => parts.every(isOrigin),
      'must be addresses such as https://tickets.example.com, without a path',
    )
    .default([]),
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url({ protocol: /^https?$/, error: 'must be an http or https address' })
    .optional(),
  RATE_LIMITS: flag.default(true),
  HOLD_TTL_MS: whole(1000, 3_600_000).default(7 * 60_000),
  HOLD_TOTAL_MAX_MS: whole(1000, 7_200_000).default(15 * 60_000),
  /** Who is called by the waiting room and does not come within this has to be called again. */
  ROOM_CLAIM_WINDOW_MS: whole(100, 600_000).default(30_000),
  /** A pass that is not used ends after this. */
  ROOM_PASS_TTL_MS: whole(100, 3_600_000).default(10 * 60_000),
  /** A pass ends after this however much it is used. */
  ROOM_PASS_MAX_MS: whole(100, 7_200_000).default(30 * 60_000),
  /** Who has said nothing for twice this long is passed over by the front. */
  ROOM_PRESENCE_MS: whole(100, 600_000).default(30_000),
  ACCESS_TOKEN_TTL_MS: whole(60_000, 3_600_000).default(10 * 60_000),
  /** At most 90 days: a stolen session must end by itself some time. */
  REFRESH_TOKEN_TTL_MS: whole(600_000, 90 * 24 * 3_600_000).default(14 * 24 * 3_600_000),
  /** The buyer waits this long for the provider before the answer is 202. */
  PAYMENT_WAIT_MS: whole(100, 10_000).default(8000),
  /** The provider's own advice for calls that move money (toss-payments: 60 s). */
  PAYMENT_TIMEOUT_MS: whole(1000, 120_000).default(60_000),
  /** Without it the payment sandbox is started beside us. */
  TOSS_URL: origin.optional(),
  TOSS_SECRET_KEY: providerKey.optional(),
  TOSS_CLIENT_KEY: providerKey.optional(),
  /** Without it mails are written to the data folder. */
  SMTP_URL: z
    .string()
    .regex(/^smtps?:\/\/[^/]/, 'must be smtp://user:password@host:port, or smtps:')
    .optional(),
  MAIL_FROM: z.string().min(3).default('Usher <tickets@usher.invalid>'),
  USHER_SERVICES: list
    .pipe(z.array(oneOf(serviceNames)).min(1, 'must name a service'))
    .default([...serviceNames]),
});
export type Settings = z.infer<typeof settings>;

type Given = Readonly<Record<string, string | undefined>>;

/** What must not happen in production, in the operator's words. */
const unsafeInProduction = (given: Given, config: Partial<Settings>): string[] => {
  // An unknown word is most likely a misspelt production: its faults are told too.
  if (config.USHER_ENV === 'development' || config.USHER_ENV === 'test') return [];
  const faults: string[] = [];
  const need = (name: keyof Settings, why: string): void => {
    if (given[name] === undefined) faults.push(`${name}: must be set in production: ${why}`);
  };
  const refuse = (name: keyof Settings, isUnsafe: boolean | undefined, why: string): void => {
    if (isUnsafe === true) faults.push(`${name}: ${why}`);
  };
  need('DATABASE_URL', 'the embedded database is for one machine and for trying out');
  need('USHER_SECRET', 'tokens signed with a secret of one machine fail on the others');
  need('TOSS_URL', 'the payment sandbox moves no money');
  need('TOSS_SECRET_KEY', 'payments cannot be confirmed without it');
  need('TOSS_CLIENT_KEY', 'the payment window cannot be opened without it');
  need('SMTP_URL', 'mails would stay in a folder');
  need('MAIL_FROM', 'mails from an address that does not exist are refused');
  need('PUBLIC_URL', 'links in mails and payment returns would point to this machine');
  const isPlain = (url: string | undefined) => url?.startsWith('http:');
  const overHttps = 'must be https in production: cookies and tokens travel over it';
  refuse('PUBLIC_URL', isPlain(config.PUBLIC_URL), overHttps);
  refuse('ALLOWED_ORIGINS', config.ALLOWED_ORIGINS?.some(isPlain), overHttps);
  refuse('TOSS_URL', isPlain(config.TOSS_URL), 'must be https in production: the key travels');
  refuse('RATE_LIMITS', config.RATE_LIMITS === false, 'must not be false in production');
  refuse('LOG_LEVEL', config.LOG_LEVEL === 'silent', 'must not be silent in production');
  for (const name of ['USHER_SECRET', 'TOSS_SECRET_KEY', 'TOSS_CLIENT_KEY'] as const) {
    const isExample = /sandbox|example|change.?me|default/i.test(config[name] ?? '');
    refuse(name, isExample, 'holds an example value; set one of your own');
    if (name === 'USHER_SECRET') continue;
    refuse(name, config[name]?.startsWith('test_'), 'is a test key, which moves no money');
  }
  // 128 random bits have 8 different characters even when they are written as hex digits.
  const variety = new Set(config.USHER_SECRET).size;
  refuse('USHER_SECRET', variety > 0 && variety < 8, 'is no random text; make one by chance');
  return faults;
};

export type ConfigResult =
  | { ok: true; config: Readonly<Settings> }
  /** Every fault at once, each beginning with the variable's name. */
  | { ok: false; faults: string[] };

/** What can be read of a configuration with faults, so that it can be judged all the same. */
const readable = (given: Given): Partial<Settings> =>
  Object.fromEntries(
    Object.entries(settings.shape).flatMap(([name, schema]) => {
      const parsed = schema.safeParse(given[name]);
      return parsed.success ? [[name, parsed.data]] : [];
    }),
  );

/** An empty variable counts as one that is not set. */
export const readConfig = (env: Given): ConfigResult => {
  const given = Object.fromEntries(
    Object.keys(settings.shape)
      .map((name) => [name, env[name]] as const)
      .filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = settings.safeParse(given);
  const issues = parsed.success ? [] : parsed.error.issues;
  const faults = issues.map((issue) => `${String(issue.path[0])}: ${issue.message}`);
  const config = parsed.success ? parsed.data : readable(given);
  faults.push(...unsafeInProduction(given, config));
  if (given['TOSS_URL'] !== undefined && config.USHER_ENV !== 'production')
    for (const name of ['TOSS_SECRET_KEY', 'TOSS_CLIENT_KEY'] as const)
      if (given[name] === undefined) faults.push(`${name}: must be set when TOSS_URL is`);
  if ((config.HOLD_TOTAL_MAX_MS ?? Infinity) < (config.HOLD_TTL_MS ?? 0))
    faults.push('HOLD_TOTAL_MAX_MS: must not be less than HOLD_TTL_MS');
  if ((config.ROOM_PASS_MAX_MS ?? Infinity) < (config.ROOM_PASS_TTL_MS ?? 0))
    faults.push('ROOM_PASS_MAX_MS: must not be less than ROOM_PASS_TTL_MS');
  return parsed.success && faults.length === 0
    ? { ok: true, config: Object.freeze(parsed.data) }
    : { ok: false, faults: [...new Set(faults)] };
};

const secretSettings = /SECRET|_KEY$/;
/** Hides the passwords in an address, up to its last @: one may be written there unescaped. */
const withoutPasswords = (text: string): string =>
  text
    .replace(/(:\/\/[^:/@]*):.*@/, '$1:[secret]@')
    .replaceAll(/([?&][^=&]*(?:password|secret|token|key)[^=&]*=)[^&]*/gi, '$1[secret]');

/** The effective configuration, one `NAME=value` a line, secrets and passwords masked. */
export const describeConfig = (config: Readonly<Settings>): string[] =>
  Object.keys(settings.shape).map((name) => {
    const value = config[name as keyof Settings];
    if (value === undefined) return `${name} is not set`;
    if (secretSettings.test(name)) return `${name}=[secret]`;
    return `${name}=${withoutPasswords(String(value))}`;
  });
