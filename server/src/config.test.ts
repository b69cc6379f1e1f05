import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { describeConfig, readConfig, type Settings, serviceNames } from './config.ts';
import { defineSection, makeConfigReader, wholeNumber } from './platform/config.ts';

const good = (env: Record<string, string> = {}): Readonly<Settings> => {
  const result = readConfig(env);
  if (!result.ok) throw new Error(result.faults.join('\n'));
  return result.config;
};
const faultsOf = (env: Record<string, string>): string[] => {
  const result = readConfig(env);
  return result.ok ? [] : result.faults;
};
/** The variables that faults name, in their order. */
const named = (env: Record<string, string>): string[] =>
  faultsOf(env).map((fault) => fault.split(':')[0] ?? '');

const production = {
  USHER_ENV: 'production',
  PUBLIC_URL: 'https://tickets.opera.kr',
  DATABASE_URL: 'postgres://usher:p4ssw0rd@db.internal:5432/usher',
  USHER_SECRET: '0f9d1c7e5b3a8642f0e1d2c3b4a59687',
  TOSS_URL: 'https://api.tosspayments.com',
  TOSS_SECRET_KEY: 'live_sk_d26DlbXAaV0',
  TOSS_CLIENT_KEY: 'live_ck_D5GePWvyJnrK',
  SMTP_URL: 'smtps://mail:p4ssw0rd@smtp.opera.kr',
  MAIL_FROM: 'Opera <tickets@opera.kr>',
};

describe('a configuration', () => {
  test('is valid without any variable, and then listens on this machine only', () => {
    expect(good()).toMatchObject({ USHER_ENV: 'development', HOST: '127.0.0.1', PORT: 3000 });
    expect(good().HOLD_TTL_MS).toBe(420_000);
    expect(good().USHER_SERVICES).toEqual(serviceNames);
  });

  test('is read from variables, and treats empty ones as not set', () => {
    const config = good({
      PORT: '8080',
      DATABASE_URL: '',
      RATE_LIMITS: 'false',
      MAIL_FROM: '',
      ALLOWED_ORIGINS: 'https://a.example, https://b.example:8443,',
    });
    expect(config).toMatchObject({ PORT: 8080, RATE_LIMITS: false });
    expect(config.DATABASE_URL).toBeUndefined();
    expect(config.ALLOWED_ORIGINS).toEqual(['https://a.example', 'https://b.example:8443']);
    expect(config.MAIL_FROM).toContain('usher.invalid');
  });

  test('accepts one Redis or several of one Cluster, and refuses ambiguous addresses', () => {
    const [one, cluster] = [
      'rediss://usher:p%40ss@r.internal',
      'redis://a:7000, redis://[::1]:7001',
    ];
    expect(good({ REDIS_URL: one }).REDIS_URL).toBe(one);
    expect(good({ REDIS_URL: cluster }).REDIS_URL).toBe(cluster);
    for (const bad of [
      'r.internal:6379',
      'http://r.internal',
      'redis://',
      ',',
      'redis://a/rooms',
      'redis://a?x=1',
      'redis://a,rediss://b',
      'redis://a/1,redis://b/1',
    ])
      expect(named({ REDIS_URL: bad }), bad).toEqual(['REDIS_URL']);
  });

  test('refuses a misspelt setting and names the right one, and ignores what others use', () => {
    expect(faultsOf({ HOLD_TLL_MS: '60000' })).toEqual([
      'HOLD_TLL_MS: there is no such setting; did you mean HOLD_TTL_MS?',
    ]);
    const misspelt = ['PROT', 'REDIS_URI', 'DATABASEURL', 'USHER_SERVICE', 'USHER_KITCHEN'];
    expect(named(Object.fromEntries(misspelt.map((name) => [name, 'x'])))).toEqual(misspelt);
    const ofOthers = ['PATH', 'HOME', 'HOSTNAME', 'SMTP_USER', 'DATABASE_USER', 'USHER_TOKEN'];
    const ofKubernetes = ['USHER_PORT', 'USHER_PORT_3000_TCP_ADDR', 'USHER_SERVICE_HOST'];
    const env = Object.fromEntries([...ofOthers, ...ofKubernetes].map((name) => [name, 'x']));
    expect(faultsOf(env)).toEqual([]);
  });

  test('names the nearest right value for a misspelt one', () => {
    expect(faultsOf({ LOG_LEVEL: 'wran' })).toEqual([
      'LOG_LEVEL: must be one of debug, info, warn, error, silent; did you mean warn?',
    ]);
    expect(faultsOf({ USHER_SERVICES: 'seats,odrers' })[0]).toMatch(/did you mean orders\?$/);
    expect(faultsOf({ LOG_LEVEL: 'kitchen' })[0]).not.toContain('did you mean');
  });

  test('listens on names and addresses, and refuses what is neither', () => {
    for (const host of ['0.0.0.0', '::', '::1', 'localhost', 'tickets-1.internal'])
      expect(good({ HOST: host }).HOST).toBe(host);
    for (const bad of ['999.1.1.1', '1.2.3', 'http://here', 'a b', '-x', '[::]'])
      expect(named({ HOST: bad }), bad).toEqual(['HOST']);
  });

  test('cannot be changed after it was read', () => {
    expect(Object.isFrozen(good())).toBe(true);
  });

  test('reports all faults at once, each with its variable, including those of production', () => {
    const faults = named({
      ...production,
      PORT: 'http',
      LOG_LEVEL: 'loud',
      TOSS_URL: 'nowhere',
      RATE_LIMITS: 'false',
      PUBLIC_URL: 'http://tickets.opera.kr',
      USHER_SECRET: 'short',
      HOLD_TTL_MS: '7200000',
      HOLD_TOTAL_MAX_MS: '900',
      DATABASE_URL: '',
    });
    expect(faults.toSorted()).toEqual([
      'DATABASE_URL',
      'HOLD_TOTAL_MAX_MS',
      'HOLD_TTL_MS',
      'LOG_LEVEL',
      'PORT',
      'PUBLIC_URL',
      'RATE_LIMITS',
      'TOSS_URL',
      'USHER_SECRET',
    ]);
  });

  test('shows no value in a fault, because it may be a misplaced secret', () => {
    const value = 'hunter2';
    const env = Object.fromEntries(Object.keys(good()).map((name) => [name, value]));
    const faults = faultsOf({ ...env, USHER_ENV: 'production', TOSS_SECRET_KEY: value });
    expect(faults.length).toBeGreaterThan(10);
    expect(faults.join('\n')).not.toContain(value);
  });

  test('never throws, whatever the variables hold', () => {
    const names = fc.constantFrom(...Object.keys(good()), 'SMTP_URL', 'TRUST_PROXY', 'TOSS_URL');
    fc.assert(
      fc.property(fc.dictionary(names, fc.string({ unit: 'binary' })), (env) => {
        expect(readConfig(env)).toHaveProperty('ok');
      }),
    );
  });
});

describe('a number', () => {
  const bounds: [name: keyof Settings, min: number, max: number][] = [
    ['PORT', 0, 65_535],
    ['DATABASE_POOL_MAX', 2, 200],
    ['BATCH_SIZE_MAX', 1, 1000],
    ['HOLD_TTL_MS', 1000, 3_600_000],
    ['HOLD_TOTAL_MAX_MS', 1000, 7_200_000],
    ['ACCESS_TOKEN_TTL_MS', 60_000, 3_600_000],
    ['REFRESH_TOKEN_TTL_MS', 600_000, 7_776_000_000],
    ['PAYMENT_WAIT_MS', 100, 10_000],
    ['PAYMENT_TIMEOUT_MS', 1000, 120_000],
  ];
  // The two times of a hold are also checked against each other.
  const others = { HOLD_TTL_MS: '1000', HOLD_TOTAL_MAX_MS: '7200000' };

  test.each(bounds)('%s is accepted from %i to %i and refused outside', (name, min, max) => {
    for (const value of [min, max])
      expect(good({ ...others, [name]: `${value}` })[name]).toBe(value);
    for (const value of [min - 1, max + 1])
      expect(faultsOf({ ...others, [name]: `${value}` })).toEqual([
        `${name}: must be a whole number from ${min} to ${max}`,
      ]);
  });

  test.each(['', ' 80', '8e1', '0x50', '+80', '80.0', 'NaN', 'Infinity', '８０'].slice(1))(
    'must be a whole number in digits, not «%s»',
    (text) => {
      expect(named({ PORT: text })).toEqual(['PORT']);
    },
  );

  test('for the total time of a hold must not be less than its first time', () => {
    expect(named({ HOLD_TTL_MS: '2000', HOLD_TOTAL_MAX_MS: '1999' })).toEqual([
      'HOLD_TOTAL_MAX_MS',
    ]);
    expect(faultsOf({ HOLD_TTL_MS: '2000', HOLD_TOTAL_MAX_MS: '2000' })).toEqual([]);
  });
});

describe('an address', () => {
  test.each([
    ['PUBLIC_URL', 'https://tickets.opera.kr/shop'],
    ['PUBLIC_URL', 'tickets.opera.kr'],
    ['PUBLIC_URL', 'javascript:alert(1)'],
    ['TOSS_URL', 'ftp://api.tosspayments.com'],
    ['ALLOWED_ORIGINS', '*'],
    ['ALLOWED_ORIGINS', 'https://a.example,https://b.example/path'],
    ['ALLOWED_ORIGINS', 'null'],
    ['DATABASE_URL', 'mysql://db'],
    ['DATABASE_URL', 'postgresql.example'],
    ['SMTP_URL', 'http://smtp.opera.kr'],
    ['SMTP_URL', 'smtp://'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'file:///etc/passwd'],
    ['TRUST_PROXY', 'true'],
    ['TRUST_PROXY', 'proxy.internal'],
    ['TRUST_PROXY', '10.0.0.0/33'],
    ['TRUST_PROXY', '10.0.0.0/8/8'],
    ['TRUST_PROXY', ','],
  ])('%s is not «%s»', (name, value) => {
    const keys = { TOSS_SECRET_KEY: 'test_sk_1', TOSS_CLIENT_KEY: 'test_ck_1' };
    expect(named({ ...keys, [name]: value })).toEqual([name]);
  });

  test.each([
    ['PUBLIC_URL', 'http://127.0.0.1:3000/', 'http://127.0.0.1:3000'],
    ['TRUST_PROXY', '10.0.0.0/8, loopback,::1', '10.0.0.0/8,loopback,::1'],
    ['DATABASE_URL', 'postgresql:///usher?host=/run/postgresql', undefined],
    ['SMTP_URL', 'smtp://localhost:25', undefined],
  ] as const)('%s may be «%s»', (name, value, read) => {
    expect(good({ [name]: value })[name]).toBe(read ?? value);
  });
});

test('a payment provider is named together with its keys', () => {
  const tossApiUrl = 'https://api.tosspayments.com';
  expect(named({ TOSS_URL: tossApiUrl })).toEqual(['TOSS_SECRET_KEY', 'TOSS_CLIENT_KEY']);
  expect(
    named({ TOSS_URL: tossApiUrl, TOSS_SECRET_KEY: 'test_sk_1', TOSS_CLIENT_KEY: 'test_ck_1' }),
  ).toEqual([]);
});

describe('USHER_SERVICES', () => {
  test('selects the services that this process runs', () => {
    expect(good({ USHER_SERVICES: 'seats, tickets' }).USHER_SERVICES).toEqual(['seats', 'tickets']);
  });

  test.each(['seat', 'seats,waiting', 'SEATS', ','])('is refused with «%s»', (services) => {
    expect(named({ USHER_SERVICES: services })).toEqual(['USHER_SERVICES']);
  });
});

describe('a process that serves some of the services', () => {
  test('without payments needs no provider key except that of the payment window', () => {
    expect(named({ USHER_SERVICES: 'seats' })).toEqual([]);
    expect(named({ USHER_SERVICES: 'orders' })).toEqual(['TOSS_CLIENT_KEY']);
    expect(named({ USHER_SERVICES: 'orders', TOSS_CLIENT_KEY: 'test_ck_1' })).toEqual([]);
    const TOSS_URL = 'https://api.tosspayments.com';
    expect(named({ USHER_SERVICES: 'seats', TOSS_URL })).toEqual([]);
  });

  test('needs in production only what its services need', () => {
    const bare = {
      ...production,
      TOSS_URL: '',
      TOSS_SECRET_KEY: '',
      TOSS_CLIENT_KEY: '',
      SMTP_URL: '',
      MAIL_FROM: '',
    };
    const needs = (services: string) => named({ ...bare, USHER_SERVICES: services });
    expect(needs('catalogue,waiting-room,seats')).toEqual([]);
    expect(needs('orders')).toEqual(['TOSS_CLIENT_KEY']);
    expect(needs('payments')).toEqual(['TOSS_URL', 'TOSS_SECRET_KEY', 'TOSS_CLIENT_KEY']);
    expect(needs('notifications')).toEqual(['SMTP_URL', 'MAIL_FROM']);
  });
});

test('two sections of the configuration cannot declare the same setting', () => {
  const section = defineSection({ settings: { PORT: wholeNumber(0, 65_535).default(3000) } });
  const { settings } = section;
  expect(() => makeConfigReader({ settings, sections: [section] })).not.toThrow();
  expect(() => makeConfigReader({ settings, sections: [section, section] })).toThrow(
    'two sections',
  );
});

describe('in production', () => {
  test('a safe configuration is accepted', () => {
    expect(faultsOf(production)).toEqual([]);
  });

  const needed = ['DATABASE_URL', 'USHER_SECRET', 'TOSS_URL', 'TOSS_SECRET_KEY', 'TOSS_CLIENT_KEY'];
  test.each([...needed, 'SMTP_URL', 'MAIL_FROM', 'PUBLIC_URL'])('%s must be set', (name) => {
    expect(faultsOf({ ...production, [name]: '' })).toEqual([
      expect.stringMatching(`^${name}: must be set in production: `),
    ]);
  });

  test.each([
    ['PUBLIC_URL', 'http://tickets.opera.kr'],
    ['ALLOWED_ORIGINS', 'https://opera.kr,http://m.opera.kr'],
    ['TOSS_URL', 'http://127.0.0.1:4000'],
    ['RATE_LIMITS', 'false'],
    ['LOG_LEVEL', 'silent'],
    ['USHER_SECRET', 'change-me-change-me-change-me-change-me'],
    ['USHER_SECRET', 'an example secret for all of your machines'],
    ['USHER_SECRET', 'a'.repeat(64)],
    ['USHER_SECRET', '1234567'.repeat(8)],
    ['TOSS_SECRET_KEY', 'sandbox_sk_demo'],
    ['TOSS_SECRET_KEY', 'test_sk_zXLkKEypNArW'],
    ['TOSS_CLIENT_KEY', 'test_ck_D5GePWvyJnrK'],
    ['TOSS_CLIENT_KEY', 'sandbox_ck_demo'],
  ])('%s is refused as «%s», which is accepted elsewhere', (name, value) => {
    expect(named({ ...production, [name]: value })).toEqual([name]);
    expect(faultsOf({ ...production, [name]: value, USHER_ENV: 'development' })).toEqual([]);
  });

  test('a misspelt «production» is refused, together with what would be unsafe there', () => {
    expect(named({ ...production, USHER_ENV: 'prod', RATE_LIMITS: 'false' })).toEqual([
      'USHER_ENV',
      'RATE_LIMITS',
    ]);
  });
});

describe('a configuration that is shown', () => {
  test('has one line for every setting', () => {
    const lines = describeConfig(good(production));
    expect(lines).toContain('PORT=3000');
    expect(lines).toContain('TRUST_PROXY is not set');
    expect(lines).toContain('DATABASE_URL=postgres://usher:[secret]@db.internal:5432/usher');
    expect(new Set(lines.map((line) => /^\w+/.exec(line)?.[0])).size).toBe(lines.length);
  });

  test.each([
    ['DATABASE_URL', 'postgres://usher:hunter2@db/usher'],
    ['DATABASE_URL', 'postgres://usher:hunter2@hunter2@db/usher'],
    ['DATABASE_URL', 'postgres://usher:hun/ter2hunter2@db/usher'],
    ['DATABASE_URL', 'postgres://:hunter2@db/usher'],
    ['DATABASE_URL', 'postgres://db/usher?user=usher&password=hunter2&sslmode=require'],
    ['SMTP_URL', 'smtps://mail:hunter2@smtp.opera.kr:465'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'https://u:hunter2@otel.opera.kr/?api_key=hunter2'],
    ['REDIS_URL', 'redis://usher:hunter2@a:7000,redis://:hunter2@b:7001'],
    ['USHER_SECRET', 'hunter2'.repeat(8)],
    ['TOSS_SECRET_KEY', 'live_sk_hunter2'],
  ])('shows no password of %s: %s', (name, value) => {
    const shown = describeConfig(good({ [name]: value })).join('\n');
    expect(shown).not.toContain('hunter2');
    expect(shown).toContain(name);
    expect(shown).toContain('[secret]');
  });
});
