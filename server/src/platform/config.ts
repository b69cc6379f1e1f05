import { isIP } from 'node:net';
import { z } from 'zod';
import { findNearestWord } from './nearest-word.ts';
import { isRedisUrl } from './redis/address.ts';

/** A number in plain digits: no signs, exponents or spaces, which may be typing errors. */
export const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .refine(
      (text) => /^\d{1,15}$/.test(text) && Number(text) >= min && Number(text) <= max,
      `must be a whole number from ${min} to ${max}`,
    )
    .transform(Number);
const oneOf = <const Names extends readonly string[]>(names: Names) =>
  z.enum(names, {
    error: ({ input }) => {
      const nearest = findNearestWord(String(input), names);
      const suggestion = nearest === null ? '' : `; did you mean ${nearest}?`;
      return `must be one of ${names.join(', ')}${suggestion}`;
    },
  });
/** true or false. */
export const flag = oneOf(['true', 'false']).transform((value) => value === 'true');
const list = z.string().transform((value) =>
  value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== ''),
);
const secret = z.string().min(32, 'must have at least 32 characters');
const isOrigin = (text: string): boolean =>
  /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text;
/** The origin of a server: nothing after its name and port. */
export const origin = z
  .string()
  .transform((text) => text.replace(/\/$/, ''))
  .refine(isOrigin, 'must be an address such as https://tickets.example.com, without a path');
/** A name, or an address; digits and dots that are no address are a typing error. */
const isHost = (text: string): boolean =>
  isIP(text) !== 0 || (/^[a-z\d]([a-z\d.-]*[a-z\d])?$/i.test(text) && !/^[\d.]+$/.test(text));
const isProxy = (text: string): boolean => {
  if (['loopback', 'linklocal', 'uniquelocal'].includes(text)) return true;
  const [address = '', bits = '0', more] = text.split('/');
  const bitsMax = isIP(address) === 6 ? 128 : 32;
  return isIP(address) !== 0 && /^\d+$/.test(bits) && Number(bits) <= bitsMax && more === undefined;
};

type Given = Readonly<Record<string, string | undefined>>;
type Values<Shape extends z.ZodRawShape> = z.infer<z.ZodObject<Shape>>;

/** What can only be checked when several settings are seen together. */
type Judged<Shape extends z.ZodRawShape> = {
  /** As they were written; empty variables are omitted. */
  readonly given: Given;
  /** Those that could be parsed. */
  readonly config: Partial<Values<Shape>>;
  readonly isProduction: boolean;
  /** Whether this process serves the service of that name. */
  serves(service: string): boolean;
};

/** The settings of one part of the program: the platform's, or those of a service. */
type ConfigSection<Shape extends z.ZodRawShape = z.ZodRawShape> = {
  readonly settings: Shape;
  /** Faults beyond those of single values, each beginning with the variable's name. */
  findFaults?(judged: Judged<Shape>): string[];
};

/** The values of a section, after parsing. */
export type SettingsOf<Section> =
  Section extends ConfigSection<infer Shape> ? Values<Shape> : never;

/** Keeps the literal types of a section's settings, so that the merged configuration is typed. */
export const defineSection = <Shape extends z.ZodRawShape>(
  section: ConfigSection<Shape>,
): ConfigSection<Shape> => section;

/** A fault when a setting that production needs is missing. */
export const findMissing = (given: Given, name: string, why: string): string[] =>
  given[name] === undefined ? [`${name}: must be set in production: ${why}`] : [];

/** Faults of a secret or key whose value is public knowledge. */
export const findExample = (name: string, value: string | undefined): string[] =>
  /sandbox|example|change.?me|default/i.test(value ?? '')
    ? [`${name}: holds an example value; set one of your own`]
    : [];

/** Whether an address is reached without TLS. */
export const isPlainHttp = (url: string | undefined): boolean => url?.startsWith('http:') ?? false;

/** Every setting that belongs to no service, with its default or the reason for its number. */
export const platformSection = defineSection({
  settings: {
    USHER_ENV: oneOf(['development', 'test', 'production']).default('development'),
    HOST: z
      .string()
      .refine(isHost, 'must be an address such as 0.0.0.0, or the name of a host')
      .default('127.0.0.1'),
    PORT: wholeNumber(0, 65_535).default(3000),
    /** How buyers reach us: in links, payment returns, mails and cookies. See chooseOrigin. */
    PUBLIC_URL: origin.optional(),
    USHER_DATA_DIR: z.string().optional(),
    DATABASE_URL: z
      .string()
      .regex(/^postgres(?:ql)?:\/\//, 'must be postgres://user:password@host:port/database')
      .optional(),
    DATABASE_POOL_MAX: wholeNumber(2, 200).default(12),
    /** What processes share in memory; without it a single process keeps it. Single or Cluster. */
    REDIS_URL: z
      .string()
      .refine(
        isRedisUrl,
        'must be redis://user:password@host:port, or rediss:, more of a Cluster with commas between',
      )
      .optional(),
    /** Largest group-commit batch; 1 switches group commit off, to measure its benefit. */
    BATCH_SIZE_MAX: wholeNumber(1, 1000).default(256),
    /** Signs access tokens and links. Without it one is generated and kept. */
    USHER_SECRET: secret.optional(),
    LOG_LEVEL: oneOf(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
    /** Addresses of trusted proxies, which report the caller's address; separated by commas. */
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
    /**
     * A port of their own for the metrics, which then are not at the public one. In production they
     * are never there: strangers read how a sale goes.
     */
    METRICS_PORT: wholeNumber(0, 65_535).optional(),
    METRICS_HOST: z
      .string()
      .refine(isHost, 'must be an address such as 0.0.0.0, or the name of a host')
      .default('127.0.0.1'),
  },
  findFaults: ({ given, config, isProduction }) => {
    if (!isProduction) return [];
    const overHttps = 'must be https in production: cookies and tokens travel over it';
    const faults = [
      ...findMissing(given, 'DATABASE_URL', 'the embedded one is for trying out on one machine'),
      ...findMissing(given, 'USHER_SECRET', 'tokens signed on one machine fail on the others'),
      ...findMissing(given, 'PUBLIC_URL', 'links in mails and payment returns would point here'),
      ...findExample('USHER_SECRET', config.USHER_SECRET),
    ];
    if (isPlainHttp(config.PUBLIC_URL)) faults.push(`PUBLIC_URL: ${overHttps}`);
    if (config.ALLOWED_ORIGINS?.some(isPlainHttp)) faults.push(`ALLOWED_ORIGINS: ${overHttps}`);
    if (config.RATE_LIMITS === false) faults.push('RATE_LIMITS: must not be false in production');
    if (config.LOG_LEVEL === 'silent') faults.push('LOG_LEVEL: must not be silent in production');
    // 128 random bits have 8 different characters even when they are written as hex digits.
    const variety = new Set(config.USHER_SECRET).size;
    if (variety > 0 && variety < 8)
      faults.push('USHER_SECRET: does not look random; generate one: openssl rand -base64 48');
    return faults;
  },
});
export type PlatformSettings = SettingsOf<typeof platformSection>;

/** Which of the program's services a process serves; all of them if it is not set. */
export const makeServicesSection = <const Names extends readonly [string, ...string[]]>(
  names: Names,
) =>
  defineSection({
    settings: {
      USHER_SERVICES: list
        .pipe(z.array(oneOf(names)).min(1, 'must name a service'))
        .default([...names]),
    },
  });

type ConfigResult<Settings> =
  | { ok: true; config: Readonly<Settings> }
  /** All faults at once, each beginning with the variable's name. */
  | { ok: false; faults: string[] };

/** What Kubernetes sets for a service named `usher`, and what commands read besides settings. */
const foreignVariable = /^USHER_(?:TOKEN|(?:SERVICE_(?:HOST|PORT)|PORT)(?:_\w+)?)$/;
/** With two, DATABASE_USER, which another program may need, would be taken for DATABASE_URL. */
const typosMax = 1;
/** Variables that look like a setting and are none: they would silently do nothing. */
const findUnknown = (env: Given, names: readonly string[]): string[] =>
  Object.keys(env).flatMap((name) => {
    if (env[name] === undefined || names.includes(name) || foreignVariable.test(name)) return [];
    const nearest = findNearestWord(name, names, typosMax);
    if (nearest === null && !name.startsWith('USHER_')) return [];
    const suggestion = nearest === null ? '' : `; did you mean ${nearest}?`;
    return [`${name}: there is no such setting${suggestion}`];
  });

const secretSettings = /SECRET|_KEY$/;
/** Hides the passwords in an address, up to its last @: one may be written there unescaped. */
const withoutPasswords = (text: string): string =>
  text
    .replace(/(:\/\/[^:/@]*):.*@/, '$1:[secret]@')
    .replaceAll(/([?&][^=&]*(?:password|secret|token|key)[^=&]*=)[^&]*/gi, '$1[secret]');

/** The part of a faulty configuration that can be parsed, so that it can be checked as well. */
const readable = (shape: z.ZodRawShape, given: Given): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(shape).flatMap(([name, schema]) => {
      const parsed = z.safeParse(schema, given[name]);
      return parsed.success ? [[name, parsed.data]] : [];
    }),
  );

/**
 * The configuration of a program that consists of sections. `settings` holds those of all sections
 * (so that the result is typed); a name may appear in one section only.
 */
export const makeConfigReader = <Shape extends z.ZodRawShape>(options: {
  settings: Shape;
  sections: readonly ConfigSection[];
}) => {
  const { settings, sections } = options;
  const names = Object.keys(settings);
  const declared = sections.flatMap((section) => Object.keys(section.settings));
  if (declared.toSorted().join() !== names.toSorted().join())
    throw new Error('assertion failed: a setting is in two sections');
  const schema = z.object(settings);

  const judge = (given: Given, config: Record<string, unknown>): string[] => {
    // An unknown word is most likely a misspelt production: report its faults as well.
    const isProduction = !['development', 'test'].includes(String(config['USHER_ENV']));
    const served = config['USHER_SERVICES'];
    const serves = (service: string) => !Array.isArray(served) || served.includes(service);
    return sections.flatMap(
      (section) => section.findFaults?.({ given, config, isProduction, serves }) ?? [],
    );
  };

  return {
    /** Reads environment variables. An empty variable counts as one that is not set. */
    readConfig: (env: Given): ConfigResult<Values<Shape>> => {
      const given = Object.fromEntries(
        names
          .map((name) => [name, env[name]] as const)
          .filter(([, value]) => value !== undefined && value !== ''),
      );
      const parsed = schema.safeParse(given);
      const issues = parsed.success ? [] : parsed.error.issues;
      const faults = issues.map((issue) => `${String(issue.path[0])}: ${issue.message}`);
      faults.push(...judge(given, readable(settings, given)), ...findUnknown(env, names));
      return parsed.success && faults.length === 0
        ? { ok: true, config: Object.freeze(parsed.data) }
        : { ok: false, faults: [...new Set(faults)] };
    },
    /** The effective configuration, one `NAME=value` a line, secrets and passwords masked. */
    describeConfig: (config: Readonly<Record<string, unknown>>): string[] =>
      names.map((name) => {
        const value = config[name];
        if (value === undefined) return `${name} is not set`;
        if (secretSettings.test(name)) return `${name}=[secret]`;
        return `${name}=${withoutPasswords(String(value))}`;
      }),
  };
};
