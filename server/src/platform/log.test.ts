import { describe, expect, test } from 'vitest';
import { makeLog } from './log.ts';
import { inTraces } from './trace-scope.ts';

const open = (level = 'info') => {
  const lines: string[] = [];
  const log = makeLog({
    level,
    service: 'usher',
    destination: { write: (line) => lines.push(line) },
  });
  const last = () => JSON.parse(lines.at(-1) ?? '') as Record<string, unknown>;
  return { log, lines, last };
};
const password = 'hunter2-"quoted"\\-and-more';

describe('a log line', () => {
  test('is one JSON object with its time, level, service and process', () => {
    const { log, last } = open();
    log.warn({ seats: 3 }, 'held');
    expect(last()).toEqual({
      level: 'warn',
      service: 'usher',
      pid: process.pid,
      msg: 'held',
      seats: 3,
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    });
  });

  test('is not written if it is below the log level', () => {
    const { log, lines } = open('warn');
    log.info('quiet');
    expect(lines).toEqual([]);
  });

  test('names the trace of the code that runs, and none outside of a trace', () => {
    const { log, last } = open();
    inTraces(['a'], () => log.info('in a request'));
    expect(last()['traceId']).toBe('a');
    log.info('outside');
    expect(last()).not.toHaveProperty('traceId');
  });

  test('for a batch of events names the trace of each, at most 20', () => {
    const { log, last } = open();
    const traces = Array.from({ length: 30 }, (_, i) => `trace ${i}`);
    inTraces(traces, () => log.info('in a batch'));
    expect([last()['traceId'], ...(last()['otherTraceIds'] as string[])]).toEqual(
      traces.slice(0, 20),
    );
  });
});

describe('a secret never reaches a log line', () => {
  const names = [
    'password',
    'newPassword',
    'accessToken',
    'refreshToken',
    'authorization',
    'Authorization',
    'cookie',
    'set-cookie',
    'secret',
    'secretKey',
    'TOSS_SECRET_KEY',
    'paymentKey',
    'idempotencyKey',
    'idempotency-key',
    'linkToken',
    'apiKey',
    'webhookSecret',
  ];
  test.each(names)('if its name is %s, at any depth', (name) => {
    const { log, lines, last } = open();
    log.info({ [name]: password });
    log.info({ a: { b: { c: { d: [{ [name]: password, seats: 3 }] } } } });
    log.info({ [name]: [password, password] });
    log.info({ [name]: { value: password } });
    log.info({ [name]: 1234567890 });
    expect(lines.join('')).not.toMatch(/hunter2|1234567890/);
    expect(lines).toHaveLength(5);
    for (const line of lines) expect(JSON.stringify(JSON.parse(line))).toContain('[secret]');
    expect(last()).toHaveProperty([name], '[secret]');
  });

  test('but the fields next to it stay', () => {
    const { log, last } = open();
    log.info({ password, seats: [1, 2], note: 'said "hello"', after: { secret: password, n: 1 } });
    expect(last()).toMatchObject({
      password: '[secret]',
      seats: [1, 2],
      note: 'said "hello"',
      after: { secret: '[secret]', n: 1 },
    });
  });

  test('in a known field, whatever its value, and the line stays valid JSON', () => {
    const { log, last } = open();
    const deep = { first: { a: 1 }, second: 'hunter2', third: [['hunter2'], 'hunter2'] };
    for (const fields of [{ token: deep }, { headers: { cookie: deep } }, { pass: 'hunter2' }]) {
      log.info(fields);
      expect(JSON.stringify(last())).not.toContain('hunter2');
      expect(JSON.stringify(last())).toContain('[secret]');
    }
  });

  test('and the logged objects are not changed', () => {
    const { log } = open();
    const fields = { password, headers: { cookie: 'a=1' } };
    log.info(fields);
    expect(fields).toEqual({ password, headers: { cookie: 'a=1' } });
  });

  test('in an error, its properties or its cause', () => {
    const { log, lines } = open();
    const cause = Object.assign(new Error('no answer from postgres://usher:hunter2@db/usher'), {
      config: { headers: { authorization: 'Basic aHVudGVyMg==' } },
    });
    log.error({ err: new Error('Authorization: Bearer access.eyJhIjoxfQ.hunter2', { cause }) });
    expect(lines[0]).toContain('no answer from postgres://usher:[secret]@db/usher');
    expect(lines[0]).not.toMatch(/hunter2|aHVudGVyMg/);
  });

  const mac = 'hunter2hunter2hunter2h';
  test.each([
    ['a signed token', `refused access.eyJhIjoxfQ.${'hunter2'.repeat(6)}a`, 'access.[secret]'],
    [
      'a link',
      `GET /o/ord_01jd8zk3v7q2m4x6t9w1y5b0ce.${mac}`,
      'ord_01jd8zk3v7q2m4x6t9w1y5b0ce.[secret]',
    ],
    ['a query', 'GET /pay?paymentKey=hunter2&amount=5', '/pay?paymentKey=[secret]&amount=5'],
    ['a cookie', 'a=1; refresh_token=hunter2; b=2', 'refresh_token=[secret]; b=2'],
    ['JSON in a text', 'body {"email":"a@b.c","password":"hunter2"}', '"email":"a@b.c"'],
  ])('if it is %s inside the text', (_, text, stays) => {
    const { log, lines, last } = open();
    log.info(text);
    expect(lines[0]).not.toContain('hunter2');
    expect(last()['msg']).toContain(stays);
  });

  test('and no line is so long or so odd that searching it for secrets hangs', () => {
    const { log, lines } = open();
    const long = ['a', 'a-', '\\', '"', 'a_', '://', 'Bearer ', 'token', '.eyJ', ' ', '1.'];
    for (const part of long) log.info({ text: part.repeat(100_000) });
    expect(lines).toHaveLength(long.length);
  });

  test('but would do so under an ordinary name: the test can fail', () => {
    const { log, lines } = open();
    log.info({ seat: password });
    expect(lines[0]).toContain('hunter2');
  });
});
