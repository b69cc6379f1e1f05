import { parseArgs } from 'node:util';
import { idOf } from '@usher/contract/primitives.ts';
import {
  type Lever,
  lever,
  type RoomSettings,
  roomSettings,
} from '@usher/contract/waiting-room.ts';
import type { z } from 'zod';
import { suggestWord } from './command.ts';

/** The settings that were given; the others keep their values, or get their defaults. */
export type NamedSettings = Partial<RoomSettings>;
export type Deed =
  | { verb: 'list' }
  | { verb: 'show' | 'levers'; showId: string }
  | { verb: 'put'; showId: string; settings: NamedSettings }
  | { verb: 'pull'; showId: string; lever: Lever };

export type RoomOptions = {
  deed: Deed;
  url: string;
  /** null: the access token is in USHER_TOKEN. */
  email: string | null;
  ifRev: number | null;
  reason: string | null;
  isJson: boolean;
};
export type RoomWords =
  | { outcome: 'run'; options: RoomOptions }
  | { outcome: 'help' }
  | { outcome: 'refused'; faults: string[] };

export const exitCodes = { done: 0, failed: 1, words: 2, changedMeanwhile: 4, refused: 5 };

export const help = `\
usher room: an operator's levers on the waiting rooms of a running server

  room list                      list all rooms, one per line
  room show SHOW                 show a room and its state
  room levers SHOW               show who pulled which lever, when, why, and the outcome
  room put SHOW [settings]       create a show's room, even during its sale, or change its settings:
       --opens-at TIME           time of the draw and opening, such as 2026-12-24T19:30+09:00
       --lobby-minutes N         how long before the opening people can join (default 30)
       --rate N  --active N      admissions per minute (600), people shopping at once (500)
       --when-crowded WHAT       warn or refuse if more than two wait per seat (warn)
       --challenge-cost N        hashes that a buyer's computer computes to join (0: none)
  room open-lobby | open SHOW    let people join now; draw the numbers and start calling
  room pause | resume SHOW       call nobody, everybody keeps their place; continue
  room reject SHOW               let nobody join and call nobody (resume undoes it)
  room drain | close SHOW        let nobody join but serve the whole line; close now
  room bypass SHOW --minutes N   let everybody buy without a pass for N minutes
  room limits SHOW               one or two of --rate N, --active N, --stay MINUTES (the mean)
  room message SHOW              --ko TEXT --en TEXT to everybody in the room, or --clear
  room poll SHOW --times N       make clients poll less often by a factor of 0.5 to 20 (1: normal)
  room revoke-passes SHOW        revoke all passes within a second

  --url URL         the server (default http://127.0.0.1:3000, where npm start listens)
  --email E --password-stdin     sign in with this account; or set USHER_TOKEN to an access token
  --if-rev N        only if the room is at rev N (default: its rev when the command starts)
  --reason TEXT     the reason, for the audit
  --json            print the response as one JSON object on stdout

Exit codes: 0 done, 1 failed, 2 usage error, 4 the room has changed meanwhile, 5 the room cannot do
that now. With 2, 4 and 5 nothing was changed.
`;

const text = { type: 'string' } as const;
const flag = { type: 'boolean', default: false } as const;
const options = {
  'opens-at': text,
  'lobby-minutes': text,
  rate: text,
  active: text,
  'when-crowded': text,
  'challenge-cost': text,
  minutes: text,
  stay: text,
  ko: text,
  en: text,
  clear: flag,
  times: text,
  url: { ...text, default: 'http://127.0.0.1:3000' },
  email: text,
  'password-stdin': flag,
  'if-rev': text,
  reason: text,
  json: flag,
  help: { type: 'boolean', short: 'h', default: false },
} as const;
const read = (argv: readonly string[]) =>
  parseArgs({ args: [...argv], options, allowPositionals: true });
type Values = ReturnType<typeof read>['values'];
type OptionName = keyof typeof options;

const everywhere: readonly OptionName[] = ['url', 'email', 'password-stdin', 'json', 'help'];
const changing: readonly OptionName[] = ['if-rev', 'reason'];
/** The further options of each verb; a verb that is not listed does not exist. */
const verbs: Readonly<Record<string, readonly OptionName[]>> = {
  list: [],
  show: [],
  levers: [],
  put: [
    'opens-at',
    'lobby-minutes',
    'rate',
    'active',
    'when-crowded',
    'challenge-cost',
    ...changing,
  ],
  'open-lobby': changing,
  open: changing,
  pause: changing,
  resume: changing,
  reject: changing,
  drain: changing,
  close: changing,
  'revoke-passes': changing,
  bypass: ['minutes', ...changing],
  limits: ['rate', 'active', 'stay', ...changing],
  message: ['ko', 'en', 'clear', ...changing],
  poll: ['times', ...changing],
};

/** Field names of the contract and the options for them. */
const optionOf: Readonly<Record<string, OptionName>> = {
  opensAt: 'opens-at',
  lobbyMinutes: 'lobby-minutes',
  whenCrowded: 'when-crowded',
  ratePerMinute: 'rate',
  activeMax: 'active',
  challengeCost: 'challenge-cost',
  minutes: 'minutes',
  meanStayMinutes: 'stay',
  ko: 'ko',
  en: 'en',
  multiplier: 'times',
};

/** A violation of the contract's bounds, phrased for the command line. */
const faultOf = (issue: z.core.$ZodIssue): string => {
  const name = `--${optionOf[String(issue.path.at(-1))] ?? String(issue.path.at(-1))}`;
  if (issue.code === 'too_big') return `${name} must be at most ${issue.maximum}`;
  if (issue.code === 'too_small')
    return issue.origin === 'string'
      ? `${name} is empty`
      : `${name} must be ${issue.minimum} or more`;
  if (issue.code === 'invalid_value') return `${name} must be ${issue.values.join(' or ')}`;
  if (issue.code === 'invalid_type')
    return `${name} must be ${issue.expected === 'int' ? 'a whole number' : `a ${issue.expected}`}`;
  return `${name} ${issue.message}`;
};

/** NaN is refused by the contract; Number('') would be 0. */
const numberOf = (given: string | undefined): number | undefined =>
  given === undefined ? undefined : /^\d+(?:\.\d+)?$/.test(given) ? Number(given) : Number.NaN;

const withZone = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:?\d\d)$/i;

const parseInstant = (given: string | undefined, faults: string[]): string | undefined => {
  if (given === undefined) return undefined;
  const at = withZone.test(given) ? new Date(given) : new Date(Number.NaN);
  if (!Number.isNaN(at.getTime())) return at.toISOString();
  faults.push('--opens-at must be a time with its zone, such as 2026-12-24T19:30+09:00');
  return undefined;
};

const given = (fields: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

const settingsOf = (values: Values, faults: string[]): NamedSettings => {
  const named = given({
    opensAt: parseInstant(values['opens-at'], faults),
    lobbyMinutes: numberOf(values['lobby-minutes']),
    ratePerMinute: numberOf(values.rate),
    activeMax: numberOf(values.active),
    whenCrowded: values['when-crowded'],
    challengeCost: numberOf(values['challenge-cost']),
  });
  const parsed = roomSettings.partial().safeParse(named);
  if (!parsed.success) faults.push(...parsed.error.issues.map(faultOf));
  // Only those that were given: the contract would fill in defaults for the others.
  return named as NamedSettings;
};

const messageOf = ({ ko, en, clear }: Values, faults: string[]) => {
  const isWhole = clear
    ? ko === undefined && en === undefined
    : ko !== undefined && en !== undefined;
  if (!isWhole) faults.push('room message needs --ko TEXT and --en TEXT, or --clear');
  return clear ? null : { ko, en };
};

const leverOf = (verb: string, values: Values, faults: string[]): Lever => {
  const before = faults.length;
  const limits = given({
    ratePerMinute: numberOf(values.rate),
    activeMax: numberOf(values.active),
    meanStayMinutes: numberOf(values.stay),
  });
  if (verb === 'limits' && Object.keys(limits).length === 0)
    faults.push('room limits needs --rate, --active or --stay');
  const parts: Record<string, () => object> = {
    bypass: () => ({ minutes: numberOf(values.minutes) }),
    limits: () => limits,
    message: () => ({ message: messageOf(values, faults) }),
    poll: () => ({ multiplier: numberOf(values.times) }),
  };
  const wanted = { lever: verb, ...parts[verb]?.() };
  const parsed = lever.safeParse(wanted);
  // Do not report the same fault twice.
  if (!parsed.success && faults.length === before) faults.push(...parsed.error.issues.map(faultOf));
  return wanted as Lever;
};

const deedOf = (verb: string, showId: string, values: Values, faults: string[]): Deed => {
  switch (verb) {
    case 'list':
      return { verb };
    case 'show':
    case 'levers':
      return { verb, showId };
    case 'put':
      return { verb, showId, settings: settingsOf(values, faults) };
    default:
      return { verb: 'pull', showId, lever: leverOf(verb, values, faults) };
  }
};

/** Faults that do not depend on the verb. */
const commonFaults = (values: Values, allowed: readonly OptionName[], verb: string): string[] => {
  const faults: string[] = [];
  for (const [name, value] of Object.entries(values)) {
    const isGiven = value !== false && !(name === 'url' && value === options.url.default);
    if (isGiven && ![...everywhere, ...allowed].includes(name as OptionName))
      faults.push(`--${name} cannot be used with room ${verb}`);
  }
  if (!/^https?:/.test(values.url) || !URL.canParse(values.url))
    faults.push('--url must begin with http:// or https://');
  if ((values.email !== undefined) !== values['password-stdin'])
    faults.push(
      '--email needs --password-stdin and the reverse: a password must not be on the command line',
    );
  if (values['if-rev'] !== undefined && !/^\d{1,15}$/.test(values['if-rev']))
    faults.push('--if-rev must be a whole number');
  if ((values.reason?.length ?? 0) > 500) faults.push('--reason must have at most 500 characters');
  return faults;
};

/** Throws a TypeError with ERR_PARSE_ARGS… for unknown options. */
export const parseRoomWords = (argv: readonly string[]): RoomWords => {
  const [verb = '', ...rest] = argv;
  if (['', 'help', '--help', '-h'].includes(verb)) return { outcome: 'help' };
  const allowed = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined;
  if (allowed === undefined)
    return {
      outcome: 'refused',
      faults: [`there is no 'room ${verb}'${suggestWord(verb, Object.keys(verbs))}`],
    };
  const { values, positionals } = read(rest);
  if (values.help) return { outcome: 'help' };
  const faults = commonFaults(values, allowed, verb);
  const [showId = '', ...more] = positionals;
  const isShow = idOf('show').safeParse(showId).success;
  if (verb === 'list' ? positionals.length > 0 : !isShow || more.length > 0)
    faults.push(
      verb === 'list'
        ? 'room list lists all: it takes no SHOW'
        : `room ${verb} needs the id of one show (show_…); usher room list has those with a room`,
    );
  const deed = deedOf(verb, showId, values, faults);
  if (faults.length > 0) return { outcome: 'refused', faults };
  return {
    outcome: 'run',
    options: {
      deed,
      url: new URL(values.url).origin,
      email: values.email ?? null,
      ifRev: values['if-rev'] === undefined ? null : Number(values['if-rev']),
      reason: values.reason ?? null,
      isJson: values.json,
    },
  };
};
