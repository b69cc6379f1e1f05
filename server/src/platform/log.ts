import { trace } from '@opentelemetry/api';
import { type Logger, pino } from 'pino';

export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;

/** Names whose values never reach a log line, wherever they stand in the logged object. */
const secretNames = [
  'password',
  'accessToken',
  'refreshToken',
  'authorization',
  'cookie',
  'secret',
  'secretKey',
  'paymentKey',
  'idempotencyKey',
  'linkToken',
];

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
      redact: {
        paths: secretNames.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]),
        censor: '[secret]',
      },
      mixin: () => {
        const span = trace.getActiveSpan()?.spanContext();
        return span === undefined ? {} : { traceId: span.traceId, spanId: span.spanId };
      },
    },
    options.destination ?? pino.destination(1),
  );

export const silentLog: Log = pino({ level: 'silent' });
