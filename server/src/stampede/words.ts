import { parseArgs } from 'node:util';

/** What a run is asked to be. */
export type Options = {
  buyers: number;
  seats: number;
  /** A running server; null: start one. */
  url: string | null;
  organiser: { email: string; password: string } | null;
  databaseUrl: string | null;
  seed: number | null;
  pace: number;
  patienceMs: number;
  isJson: boolean;
};
export type Words =
  | { outcome: 'run'; options: Options }
  | { outcome: 'help' }
  | { outcome: 'refused'; faults: string[] };

export const help = `\
usher stampede: a whole on-sale with real HTTP buyers, and a check of what came of it

  --buyers N            people who come at once (default 1000)
  --seats N             seats on sale, 1 to 100,000 (default 500)
  --url URL             a running server that sells through the payment sandbox;
                        without it one is started on data of its own, which are removed afterwards
  --organiser E:P       e-mail and password of an organiser (default: the one of the demo)
  --database-url URL    with --url: also check the invariants by SQL, as a started server's are
  --pace N              1: people think as long as people do; default 0.1, ten times as quick
  --patience SECONDS    keep trying while the server is silent (default 60)
  --seed N              the same people with the same whims again
  --json                progress to stderr, one JSON object as the last line of stdout

The people sign up, look at the show, choose 1 to 4 seats on the map or the best available, hold
them, order, pay and read their tickets. Some lose races and try again, some give seats back, walk
away, have a card declined, wait for a slow bank or close the payment window. Whatever gets no
answer is repeated with the same Idempotency-Key, also across a restart of the server.

Exit codes: 0 every promise held, 1 the run failed, 2 wrong words, 3 a promise was broken.
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
    : `must be an address that begins with ${protocols.map((name) => `${name}//`).join(' or ')}`;

const rules: Record<string, (text: string) => string | null> = {
  buyers: whole(1, 100_000),
  seats: whole(1, 100_000),
  url: address(['http:', 'https:']),
  organiser: (text) => (/^[^:]+@[^:]+:.+$/.test(text) ? null : 'must be EMAIL:PASSWORD'),
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
      buyers: { ...text, default: '1000' },
      seats: { ...text, default: '500' },
      url: text,
      organiser: text,
      'database-url': text,
      seed: text,
      pace: { ...text, default: '0.1' },
      patience: { ...text, default: '60' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return { outcome: 'help' };
  const faults = Object.entries(values).flatMap(([name, value]) => {
    const fault = typeof value === 'string' ? (rules[name]?.(value) ?? null) : null;
    return fault === null ? [] : [`--${name} ${fault}`];
  });
  if (values['database-url'] !== undefined && values.url === undefined)
    faults.push('--database-url goes with --url: a server that is started has its own database');
  if (faults.length > 0) return { outcome: 'refused', faults };
  const [email = '', ...password] = values.organiser?.split(':') ?? [];
  return {
    outcome: 'run',
    options: {
      buyers: Number(values.buyers),
      seats: Number(values.seats),
      url: values.url === undefined ? null : new URL(values.url).origin,
      organiser: values.organiser === undefined ? null : { email, password: password.join(':') },
      databaseUrl: values['database-url'] ?? null,
      seed: values.seed === undefined ? null : Number(values.seed),
      pace: Number(values.pace),
      patienceMs: Number(values.patience) * 1000,
      isJson: values.json,
    },
  };
};
