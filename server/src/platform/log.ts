import { trace } from '@opentelemetry/api';
import { type Logger, pino } from 'pino';
import { currentTraceIds } from './trace-scope.ts';

export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;

/**
 * The fields that carry secrets in this program, by full name: the first safeguard. pino removes
 * them before the line is written, whatever their value: in a line's own fields and in headers.
 */
const secretFields = [
  'password',
  'passwordHash',
  'accessToken',
  'refreshToken',
  'linkToken',
  'token',
  'pass',
  'secret',
  'secretKey',
  'paymentKey',
  'idempotencyKey',
  'authorization',
  'cookie',
];
const secretHeaders = ['authorization', 'cookie', 'set-cookie', 'idempotency-key'];
const secretPaths = [...secretFields, ...secretHeaders.map((name) => `headers["${name}"]`)];

/** Name endings of fields that must never reach a log line, at any depth: the second safeguard. */
const secretNames = [
  'password',
  'passwd',
  'secret',
  'token',
  'cookie',
  'authorization',
  'credentials',
  ...['secret', 'payment', 'idempotency', 'api', 'private'].map((kind) => `${kind}[-_]?key`),
].join('|');
/**
 * The value of such a field, in JSON or in JSON within a text, whose quotes are escaped. All
 * repetitions here and below are bounded or start at a fixed character: a long line must be fast.
 */
const secretField = new RegExp(
  `(\\\\{0,3}")([\\w-]{0,40}(?:${secretNames}))\\1(\\s{0,9}:\\s{0,9})` +
    '(?:\\1(?:\\\\.|[^\\\\"])*?\\1|\\[[^\\]]*\\]|\\{[^}]*\\}|-?\\d[\\d.]*)',
  'gi',
);
/** Secrets that appear in a text: their patterns, and what remains of them. */
const secretTexts: readonly [looks: RegExp, stays: string][] = [
  [/\b(Bearer|Basic) {1,9}[\w.~+/=-]+/gi, '$1 [secret]'],
  // Signed tokens: of a kind, or of one id.
  [/\b([a-z-]{1,30})\.eyJ[\w-]+\.[\w-]{43}/g, '$1.[secret]'],
  [/\b([a-z]{1,10}_[0-9a-hjkmnp-tv-z]{26})\.[\w-]{22}/g, '$1.[secret]'],
  [/(:\/\/[^:/@\s"\\]{0,200}):[^@\s"\\]{0,200}@/g, '$1:[secret]@'],
  [new RegExp(`((?:${secretNames})=)[^&;\\s"\\\\]*`, 'gi'), '$1[secret]'],
];

/** The second safeguard: the finished line, for secrets in an error's text or in a deep field. */
const withoutSecrets = (line: string): string => {
  let safe = line.replace(secretField, '$1$2$1$3$1[secret]$1');
  for (const [looks, stays] of secretTexts) safe = safe.replace(looks, stays);
  return safe;
};

/** The trace of the code that runs; a batch of events may belong to many: 20 of them are named. */
const traceFields = (): object => {
  const [traceId, ...others] = currentTraceIds();
  const spanId = trace.getActiveSpan()?.spanContext().spanId;
  return {
    ...(traceId === undefined ? {} : { traceId }),
    ...(others.length === 0 ? {} : { otherTraceIds: others.slice(0, 19) }),
    ...(spanId === undefined ? {} : { spanId }),
  };
};

export const makeLog = (options: {
  level: string;
  service: string;
  destination?: { write(line: string): void };
}): Logger =>
  pino(
    {
      level: options.level,
      base: { service: options.service, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secretPaths, censor: '[secret]' },
      hooks: { streamWrite: withoutSecrets },
      mixin: traceFields,
    },
    options.destination ?? pino.destination(1),
  );

export const silentLog: Log = pino({ level: 'silent' });
