import { parseArgs } from 'node:util';

/** The options of a run. */
export type Options = {
  buyers: number;
  seats: number;
  /** Everybody goes through the waiting room; false: straight to the seats, all at once. */
  hasRoom: boolean;
  /** A running server; null: start one. */
  url: string | null;
  organiser: LogIn | null;
  operator: LogIn | null;
  /** For the server that is started; null: the embedded default. */
  redisUrl: string | null;
  databaseUrl: string | null;
  seed: number | null;
  pace: number;
  patienceMs: number;
  isJson: boolean;
  /** Where the page with the charts is written; null: no page. */
  htmlPath: string | null;
};
export type LogIn = { email: string; password: string };
export type Words =
  | { outcome: 'run'; options: Options }
  | { outcome: 'help' }
  | { outcome: 'refused'; faults: string[] };

export const help = `\
usher stampede: simulate a whole sale with real HTTP buyers and check the result

  --buyers N            number of people (default 10000)
  --seats N             seats on sale, 1 to 100,000 (default 2000)
  --no-room             no waiting room: all at once to the seats (default 1000 people, 500 seats)
  --url URL             use a running server that sells through the payment sandbox;
                        without it a temporary server is started and removed afterwards
  --redis URL           where the temporary server keeps its waiting rooms
  --organiser E:P       e-mail and password of an organiser (default: the demo's)
  --operator E:P        the same of an operator, who creates the room (default: the demo's)
  --database-url URL    with --url: also check the invariants by SQL
  --pace N              1: people think as long as real people; default 0.1, ten times faster
  --patience SECONDS    how long to retry while the server does not respond (default 60)
  --seed N              repeat a run with the same people and the same choices
  --html FILE           also write the report as a page with charts
  --json                progress to stderr, one JSON object as the last line of stdout

People wait in the lobby and in line, hide tabs, use two devices, give up. When called they choose
seats, hold, order and pay, as real people do. See docs/operations/stampede.md.

Exit codes: 0 all guarantees held, 1 the run failed, 2 usage error, 3 a guarantee was broken.
`;

const whole = (min: number, max: number) => (text: string) =>
  /^\d{1,10}$/.test(text) && Number(text) >= min && Number(text) <= max
    ? null
    : `must be a whole number from ${min} to ${max}`;
const between = (min: number, max: number) => (text: string) =>
  /^\d+(\.\d+)?$/.test(text) && Number(text) >= min && Number(text) <= max
    ? null
    : `must be a number from ${min} to ${max}`;
const address = (protocols: readonly string[]) => (text: string) =>
  URL.canParse(text) && protocols.includes(new URL(text).protocol)
    ? null
    : `must begin with ${protocols.map((name) => `${name}//`).join(' or ')}`;

const isLogIn = (text: string): string | null => {
  return /^[^:]+@[^:]+:.+$/.test(text) ? null : 'must be EMAIL:PASSWORD';
};
const redisUrl = /^(?:redis|rediss):\/\/\S+$/;

const rules: Record<string, (text: string) => string | null> = {
  buyers: whole(1, 100_000),
  seats: whole(1, 100_000),
  url: address(['http:', 'https:']),
  organiser: isLogIn,
  operator: isLogIn,
  redis: (text) => (redisUrl.test(text) ? null : 'must begin with redis://'),
  html: (text) => (text === '' ? 'must be the name of a file' : null),
  'database-url': address(['postgres:', 'postgresql:']),
  seed: whole(0, 0xffff_ffff),
  pace: between(0, 10),
  patience: whole(1, 3600),
};

const text = { type: 'string' } as const;

/** Throws a TypeError with ERR_PARSE_ARGS… for options that do not exist. */
export const parseWords = (argv: readonly string[]): Words => {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      buyers: text,
      seats: text,
      'no-room': { type: 'boolean', default: false },
      url: text,
      redis: text,
      organiser: text,
      operator: text,
      'database-url': text,
      seed: text,
      pace: { ...text, default: '0.1' },
      patience: { ...text, default: '60' },
      html: text,
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return { outcome: 'help' };
  const faults = Object.entries(values).flatMap(([name, value]) => {
    const fault = typeof value === 'string' ? (rules[name]?.(value) ?? null) : null;
    return fault === null ? [] : [`--${name} ${fault}`];
  });
  faults.push(...misplaced(values));
  if (faults.length > 0) return { outcome: 'refused', faults };
  const hasRoom = !values['no-room'];
  return {
    outcome: 'run',
    options: {
      buyers: Number(values.buyers ?? (hasRoom ? 10_000 : 1000)),
      seats: Number(values.seats ?? (hasRoom ? 2000 : 500)),
      hasRoom,
      url: values.url === undefined ? null : new URL(values.url).origin,
      organiser: logInOf(values.organiser),
      operator: logInOf(values.operator),
      redisUrl: values.redis ?? null,
      databaseUrl: values['database-url'] ?? null,
      seed: values.seed === undefined ? null : Number(values.seed),
      pace: Number(values.pace),
      patienceMs: Number(values.patience) * 1000,
      isJson: values.json,
      htmlPath: values.html ?? null,
    },
  };
};

/** Options that make no sense together. */
const misplaced = (values: Readonly<Record<string, string | boolean | undefined>>): string[] => {
  const isForeign = values['url'] !== undefined;
  const faults: string[] = [];
  if (values['database-url'] !== undefined && !isForeign)
    faults.push('--database-url goes with --url: a server that is started has its own database');
  if (values['redis'] !== undefined && isForeign)
    faults.push('--redis goes without --url: a running server has its own settings');
  return faults;
};

const logInOf = (text: string | undefined): LogIn | null => {
  if (text === undefined) return null;
  const [email = '', ...password] = text.split(':');
  return { email, password: password.join(':') };
};
