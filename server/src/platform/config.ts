import { z } from 'zod';

const port = z.coerce.number().int().min(0).max(65_535);
const flag = z.enum(['true', 'false']).transform((value) => value === 'true');
const list = z.string().transform((value) =>
  value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== ''),
);
const secret = z.string().min(32, 'must have at least 32 characters');

export const serviceNames = [
  'identity',
  'catalogue',
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
  USHER_ENV: z.enum(['development', 'test', 'production']).default('development'),
  HOST: z.string().min(1).default('127.0.0.1'),
  PORT: port.default(3000),
  /** How buyers reach us: in links, payment returns and mails. Default: http://HOST:PORT. */
  PUBLIC_URL: z.url().optional(),
  USHER_DATA_DIR: z.string().min(1).optional(),
  DATABASE_URL: z.string().startsWith('postgres').optional(),
  DATABASE_POOL_MAX: z.coerce.number().int().min(2).max(200).default(12),
  /** Longest group-commit batch; 1 switches group commit off, to measure what it gives. */
  BATCH_SIZE_MAX: z.coerce.number().int().min(1).max(1000).default(256),
  /** Signs access tokens, order links and ticket codes. The embedded default makes and keeps one. */
  USHER_SECRET: secret.optional(),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
  TRUST_PROXY: z.string().min(1).optional(),
  ALLOWED_ORIGINS: list.default([]),
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url().optional(),
  RATE_LIMITS: flag.default(true),
  HOLD_TTL_MS: z.coerce
    .number()
    .int()
    .min(1000)
    .max(3_600_000)
    .default(7 * 60_000),
  HOLD_TOTAL_MAX_MS: z.coerce
    .number()
    .int()
    .min(1000)
    .max(7_200_000)
    .default(15 * 60_000),
  ACCESS_TOKEN_TTL_MS: z.coerce
    .number()
    .int()
    .min(60_000)
    .max(3_600_000)
    .default(10 * 60_000),
  REFRESH_TOKEN_TTL_MS: z.coerce
    .number()
    .int()
    .min(600_000)
    .default(14 * 24 * 3_600_000),
  /** The buyer waits this long for the provider before the answer is 202. */
  PAYMENT_WAIT_MS: z.coerce.number().int().min(100).max(10_000).default(8000),
  /** The provider's own advice for calls that move money (toss-payments: 60 s). */
  PAYMENT_TIMEOUT_MS: z.coerce.number().int().min(1000).max(120_000).default(60_000),
  /** Without it the payment sandbox is started beside us. */
  TOSS_URL: z.url().optional(),
  TOSS_SECRET_KEY: z.string().min(8).optional(),
  TOSS_CLIENT_KEY: z.string().min(8).optional(),
  /** smtp://user:password@host:port; without it mails are written to the data folder. */
  SMTP_URL: z
    .string()
    .regex(/^smtps?:\/\//)
    .optional(),
  MAIL_FROM: z.string().min(3).default('Usher <tickets@usher.invalid>'),
  USHER_SERVICES: list.pipe(z.array(z.enum(serviceNames)).min(1)).default([...serviceNames]),
});
export type Settings = z.infer<typeof settings>;

/** What must not happen in production, in the operator's words. */
const unsafeInProduction = (config: Settings): string[] => {
  if (config.USHER_ENV !== 'production') return [];
  const faults: string[] = [];
  const need = (name: keyof Settings, why: string): void => {
    if (config[name] === undefined) faults.push(`${name}: must be set in production: ${why}`);
  };
  need('DATABASE_URL', 'the embedded database is for one machine and for trying out');
  need('USHER_SECRET', 'tokens signed with a secret of one machine fail on the others');
  need('TOSS_URL', 'the payment sandbox moves no money');
  need('TOSS_SECRET_KEY', 'payments cannot be confirmed without it');
  need('TOSS_CLIENT_KEY', 'the payment window cannot be opened without it');
  need('SMTP_URL', 'mails would stay in a folder');
  need('PUBLIC_URL', 'links in mails and payment returns would point to this machine');
  if (config.PUBLIC_URL?.startsWith('http:'))
    faults.push('PUBLIC_URL: must be https in production: cookies and tokens travel over it');
  if (!config.RATE_LIMITS) faults.push('RATE_LIMITS: must not be false in production');
  for (const name of ['USHER_SECRET', 'TOSS_SECRET_KEY'] as const)
    if (/sandbox|example|change.?me|default/i.test(config[name] ?? ''))
      faults.push(`${name}: holds an example value; set a secret of your own`);
  return faults;
};

export type ConfigResult =
  | { ok: true; config: Readonly<Settings> }
  /** Every fault at once, each beginning with the variable's name. */
  | { ok: false; faults: string[] };

export const readConfig = (env: Readonly<Record<string, string | undefined>>): ConfigResult => {
  const given = Object.fromEntries(
    Object.keys(settings.shape)
      .map((name) => [name, env[name]] as const)
      .filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = settings.safeParse(given);
  if (!parsed.success)
    return {
      ok: false,
      faults: parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`),
    };
  const faults = unsafeInProduction(parsed.data);
  if (parsed.data.HOLD_TOTAL_MAX_MS < parsed.data.HOLD_TTL_MS)
    faults.push('HOLD_TOTAL_MAX_MS: must not be less than HOLD_TTL_MS');
  return faults.length > 0
    ? { ok: false, faults }
    : { ok: true, config: Object.freeze(parsed.data) };
};

const secretSettings = /SECRET|_KEY$/;
/** The effective configuration, one `NAME=value` a line, secrets and passwords masked. */
export const describeConfig = (config: Readonly<Settings>): string[] =>
  Object.keys(settings.shape).map((name) => {
    const value = config[name as keyof Settings];
    if (value === undefined) return `${name} is not set`;
    if (secretSettings.test(name)) return `${name}=[secret]`;
    return `${name}=${String(value).replace(/(:\/\/[^:/@]*):[^@/]*@/, '$1:[secret]@')}`;
  });
