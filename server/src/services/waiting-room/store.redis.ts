import { readFileSync } from 'node:fs';
import { makeSights } from '@usher/domain/room/sights.ts';
import type {
  ControlChange,
  PersonKey,
  RoomAnswer,
  RoomCommand,
  RoomControl,
  RoomDecision,
  RoomPass,
  RoomState,
  RoomTerms,
} from '@usher/domain/room/types.ts';
import { type Batcher, makeBatcher } from '../../platform/batcher.ts';
import { assert, Failure } from '../../platform/failure.ts';
import type { Log } from '../../platform/log.ts';
import { makePacker } from '../../platform/redis/packer.ts';
import type { Redis, RedisArg } from '../../platform/redis/redis.ts';
import { makeScript, type RedisScript } from '../../platform/redis/script.ts';
import type { RoomStore } from './store.ts';

/** What is known about a room when Redis has lost it. */
export type RememberedRoom = { control: RoomControl; tail: number; front: number };

/**
 * How many hashes hold the places: with 1 M people each has 31, and up to 16 M people they stay
 * listpacks (512 in each). With 8,192 hashes a join takes Redis 1.6 times as long
 * (docs/decisions/0011).
 */
const bucketCount = 32_768;
/**
 * Calls in one script: this many joins take Redis 1 to 2 ms, during which it serves nobody else.
 */
const batchMax = 512;
const decisionsMax = 1000;
const entryBytesMax = 1 << 20;

/** The first word of a script's reply; see lua/room.lua. */
const [ok, missing] = [1, 0];
const standings = ['none', 'lobby', 'waiting', 'called', 'late', 'active', 'over'] as const;

/** In the order of KEYS[1] … KEYS[12] in lua/. */
const keyNames = [
  'control',
  'pass-ends',
  'passes',
  'recalled',
  'late',
  'batches',
  'reserved',
  'admitted',
  'present-now',
  'present-before',
  'entry-keys',
  'decisions',
];
const keysOf = (showId: string): string[] => keyNames.map((name) => `{${showId}}:${name}`);
const bucketOf = (showId: string, person: PersonKey): string =>
  `{${showId}}:places:${((person[0] ?? 0) * 256 + (person[1] ?? 0)) % bucketCount}`;

type Reply = readonly unknown[];
const readReply = (reply: unknown): Reply => {
  assert(Array.isArray(reply), 'a script of the room answers a list');
  return reply;
};
const scriptOf = (name: string, options: { wantsBytes?: boolean } = {}): RedisScript<Reply> => {
  const [room, own] = ['room', name].map((file) =>
    readFileSync(new URL(`lua/${file}.lua`, import.meta.url), 'utf8'),
  );
  return makeScript({ name: `room ${name}`, text: `${room}\n${own}`, read: readReply, ...options });
};

const sizeOf = (command: RoomCommand): number =>
  34 + ('orderId' in command ? Buffer.byteLength(command.orderId) : 0);

/** Packs commands in the format that lua/play.lua parses. */
const pack = (commands: readonly RoomCommand[]): Buffer => {
  const packer = makePacker(commands.reduce((sum, each) => sum + sizeOf(each), 0));
  for (const command of commands) {
    assert(command.person.length === 8, 'a person is 8 bytes');
    packer.byte(letters[command.kind].charCodeAt(0));
    packer.bytes(command.person);
    if (command.kind === 'join') {
      const { presented, replaces, mayEnter } = command;
      packer.byte((mayEnter ? 1 : 0) + (presented === null ? 0 : 2) + (replaces === null ? 0 : 4));
      if (presented !== null) packer.count(presented.entry);
      if (presented !== null) packer.count(presented.epoch);
      if (replaces !== null) packer.count(replaces);
    } else if (command.kind === 'touch') {
      packer.byte(command.presented === null ? 0 : 1);
      if (command.presented === null) continue;
      packer.count(command.presented.number);
      packer.count(command.presented.epoch);
      packer.number(command.presented.endsByMs);
    } else if ('entry' in command) {
      packer.count(command.entry);
      packer.count(command.number);
    } else {
      if (command.kind === 'pin') packer.number(command.untilMs);
      packer.text(command.orderId);
    }
  }
  return packer.packed();
};
const letters = {
  join: 'j',
  appear: 'a',
  claim: 'c',
  touch: 't',
  pin: 'p',
  unpin: 'u',
  complete: 'd',
  leave: 'l',
} satisfies Record<RoomCommand['kind'], string>;

/** Reads the words of a reply one after the other. */
const makeReader = (reply: Reply, from: number) => {
  let at = from;
  const text = (): string => String(reply[at++] ?? '');
  return { text, number: (): number => Number(text()), isAtEnd: () => at === reply.length };
};
type Reader = ReturnType<typeof makeReader>;

const readPass = (reader: Reader): RoomPass => ({
  number: reader.number(),
  endsAtMs: reader.number(),
  endsByMs: reader.number(),
  orderId: reader.text(),
});

/** The answer of play.lua to one command. */
const readAnswer = (
  command: RoomCommand,
  reader: Reader,
  room: Pick<RoomControl, 'phase' | 'override'>,
): RoomAnswer => {
  const word = reader.number();
  if (command.kind === 'join') {
    if (word < 0) return { outcome: 'refused', ...room };
    return { outcome: 'placed', entry: Math.floor(word / 2), isNew: word % 2 === 1 };
  }
  const standing = standings[word];
  if (standing === undefined) return { outcome: 'done' };
  if (standing === 'none') return { outcome: 'none' };
  const claimByMs = standing === 'called' ? reader.number() : 0;
  const pass = standing === 'active' ? readPass(reader) : null;
  if ('entry' in command) return { outcome: 'stands', standing, claimByMs, pass };
  assert(pass !== null, `${command.kind} answers with a pass`);
  return { outcome: 'live', pass };
};

/** In the order of `stateAt` in lua/room.lua. */
const readState = (reply: Reply): RoomState => {
  const { text, number } = makeReader(reply, 1);
  const words = {
    rev: number(),
    epoch: number(),
    passEpoch: number(),
    phase: text() as RoomState['phase'],
    override: text() as RoomState['override'],
    overrideUntilMs: number(),
    ratePerMinute: number(),
    activeMax: number(),
    lobbyAtMs: number(),
    opensAtMs: number(),
    message: readMessage(text()),
    pollMultiplier: number(),
    drawEntries: number(),
    seed: text(),
    root: text(),
    drawnAtMs: number(),
    tail: number(),
    front: number(),
    waiting: number(),
    admitted: number(),
  };
  const reserved = number();
  const held = { heldUntilMs: number(), lastChangeId: text() };
  const called = reserved + number();
  return { ...words, ...held, called, late: number(), active: number(), nowMs: number() };
};
const readMessage = (text: string): RoomControl['message'] =>
  text === '' ? null : (JSON.parse(text) as RoomControl['message']);

/** Fields and values for the control hash, alternating. */
const fieldsOf = (words: Partial<RoomControl>): string[] =>
  Object.entries(words).flatMap(([name, value]) => {
    if (name === 'message') return [name, value === null ? '' : JSON.stringify(value)];
    return [name, String(value)];
  });

const readDecision = (line: unknown): RoomDecision => {
  const [, fields] = line as [string, string[]];
  const fieldOf = (name: string): string => fields[fields.indexOf(name) + 1] ?? '';
  const numbersOf = (name: string): number[] =>
    fieldOf(name) === '' ? [] : fieldOf(name).split(',').map(Number);
  return {
    atMs: Number(fieldOf('atMs')),
    front: Number(fieldOf('front')),
    called: Number(fieldOf('called')),
    active: Number(fieldOf('active')),
    recalled: numbersOf('recalled'),
    released: numbersOf('released'),
  };
};

const openScripts = () => ({
  play: scriptOf('play'),
  tick: scriptOf('tick'),
  read: scriptOf('read'),
  change: scriptOf('change'),
  create: scriptOf('create'),
  entries: scriptOf('entries', { wantsBytes: true }),
  decisions: scriptOf('decisions'),
  recover: scriptOf('recover'),
});

type Options = {
  redis: Redis;
  log: Log;
  terms: RoomTerms;
  /** Null for a show that has no room. Called only if Redis may have lost something. */
  remembered: (showId: string) => Promise<RememberedRoom | null>;
  /** A test's clock; undefined: the server's clock. */
  nowMs?: () => number;
};

/**
 * Runs scripts on rooms. Recovers a room first if its server was promoted, restarted or emptied:
 * the script then replied FENCED or MISSING and changed nothing.
 */
const makeCaller = ({ redis, log, terms, remembered, nowMs }: Options) => {
  const scripts = openScripts();
  const sights = makeSights();
  const recovering = new Map<string, Promise<void>>();
  const now = (): string => (nowMs === undefined ? '' : String(nowMs()));

  const recover = async (showId: string): Promise<void> => {
    const kept = await remembered(showId);
    const { rev, epoch, tail, front } = sights.of(showId);
    const seen = [Math.max(tail, kept?.tail ?? 0), Math.max(front, kept?.front ?? 0)];
    const words =
      kept === null
        ? []
        : fieldsOf({
            ...kept.control,
            rev: Math.max(rev, kept.control.rev),
            epoch: Math.max(epoch, kept.control.epoch),
          });
    const args = [now(), terms.claimWindowMs, ...seen, sights.jumpOf(showId), ...words];
    const reply = await redis.run(scripts.recover, keysOf(showId), args);
    if (reply[0] === missing)
      throw new Failure('ROOM_UNKNOWN', `${showId} has no room`, { retryable: false });
    const state = readState(reply);
    sights.see(showId, state);
    log.warn(
      { showId, epoch: state.epoch, tail: state.tail, front: state.front },
      'room recovered',
    );
  };
  /** Many calls detect it at the same time; one of them recovers the room. */
  const recoverOnce = (showId: string): Promise<void> => {
    const running = recovering.get(showId) ?? recover(showId);
    recovering.set(showId, running);
    return running.finally(() => recovering.delete(showId));
  };

  const call = async (
    showId: string,
    name: keyof typeof scripts,
    args: readonly RedisArg[] = [],
    buckets: readonly string[] = [],
  ): Promise<Reply> => {
    const keys = [...keysOf(showId), ...buckets];
    for (let tries = 1; tries <= 3; tries++) {
      const reply = await redis.run(scripts[name], keys, [now(), ...args]);
      if (reply[0] === ok) return reply;
      await recoverOnce(showId);
    }
    const message = 'the room keeps moving between servers';
    throw new Failure('STORE_UNREACHABLE', message, { retryable: true });
  };
  const callForState = async (
    showId: string,
    name: keyof typeof scripts,
    args: readonly RedisArg[] = [],
  ): Promise<{ state: RoomState; reply: Reply }> => {
    const reply = await call(showId, name, args);
    const state = readState(reply);
    sights.see(showId, state);
    return { state, reply };
  };
  /**
   * Whether nobody was ever in the room. A used room that is missing in Redis was lost: it is
   * recovered, because recreating it would give out the same numbers again.
   */
  const isUntouched = async (showId: string): Promise<boolean> => {
    const kept = await remembered(showId);
    const seen = Math.max(sights.of(showId).tail, kept?.tail ?? 0);
    return kept === null || (kept.control.phase === 'idle' && seen === 0);
  };
  return { call, callForState, sights, isUntouched };
};
type Caller = ReturnType<typeof makeCaller>;

/** All commands that reach a room in one turn of the event loop go to Redis in one script. */
const makePlays = ({ call, sights }: Caller, terms: RoomTerms) => {
  const batchers = new Map<string, Batcher<readonly RoomCommand[], RoomAnswer[]>>();
  const run = async (showId: string, calls: readonly (readonly RoomCommand[])[]) => {
    const commands = calls.flat();
    const buckets = commands.map(({ person }) => bucketOf(showId, person));
    const args = [terms.passTtlMs, terms.passMaxMs, pack(commands)];
    const reply = await call(showId, 'play', args, buckets);
    const reader = makeReader(reply, 1);
    const epoch = reader.number();
    const room = { phase: reader.text(), override: reader.text() } as Pick<
      RoomControl,
      'phase' | 'override'
    >;
    const counts = { tail: reader.number(), front: reader.number(), nowMs: reader.number() };
    sights.see(showId, { epoch, ...counts });
    const answers = calls.map((each) => each.map((command) => readAnswer(command, reader, room)));
    assert(reader.isAtEnd(), 'every word of an answer was read');
    return answers;
  };
  const play = (showId: string, commands: readonly RoomCommand[]): Promise<RoomAnswer[]> => {
    const batcher =
      batchers.get(showId) ??
      makeBatcher({
        name: 'room commands',
        run: (calls: readonly (readonly RoomCommand[])[]) => run(showId, calls),
        sizeMax: batchMax,
      });
    batchers.set(showId, batcher);
    return batcher.add(commands);
  };
  const close = async (): Promise<void> => {
    await Promise.all([...batchers.values()].map((batcher) => batcher.close()));
  };
  return { play, close };
};

/** Reads the keys in parts of 1 MB: 8 MB at once would block everybody. */
const readEntries = async ({ call }: Caller, showId: string): Promise<Uint8Array> => {
  let entries = Buffer.alloc(0);
  for (let from = 0; from === 0 || from < entries.length; from += entryBytesMax) {
    const [, size, part] = await call(showId, 'entries', [from, entryBytesMax]);
    if (from === 0) entries = Buffer.alloc(Number(size));
    entries.set((part as Buffer).subarray(0, entries.length - from), from);
  }
  return new Uint8Array(entries);
};

const changeArgs = ({
  changeId,
  ifRev,
  change,
}: {
  changeId: string;
  ifRev: number;
  change: ControlChange;
}): RedisArg[] => {
  const { seals = false, revokesPasses = false, holdsForMs = 0, ...words } = change;
  return [changeId, ifRev, seals ? 1 : 0, revokesPasses ? 1 : 0, holdsForMs, ...fieldsOf(words)];
};

/**
 * The rooms of all processes that share this Redis. Scripts decide, each on one room at one instant
 * of the server's clock. Throws ROOM_UNKNOWN and what `redis` throws; after STORE_UNREACHABLE the
 * commands may have been played, and can safely be repeated.
 */
export const openRedisRooms = (options: Options): RoomStore => {
  const { terms } = options;
  assert(terms.windowNumbers <= 32_768, 'a window of the front fits the stack of Lua');
  const caller = makeCaller(options);
  const { call, callForState, sights, isUntouched } = caller;
  const { play, close } = makePlays(caller, terms);
  return {
    play,
    close,
    tick: async (showId, seatsLeft) => {
      const { tail, front } = sights.of(showId);
      const { tickMs, claimWindowMs, presenceMs, windowNumbers, lateOneIn } = terms;
      const given = [tickMs, claimWindowMs, presenceMs, windowNumbers, seatsLeft ?? ''];
      return (await callForState(showId, 'tick', [...given, tail, front, lateOneIn])).state;
    },
    read: async (showId) => {
      try {
        return (await callForState(showId, 'read')).state;
      } catch (error) {
        if (error instanceof Failure && error.code === 'ROOM_UNKNOWN') return null;
        throw error;
      }
    },
    change: async (showId, wanted) => {
      const { state, reply } = await callForState(showId, 'change', changeArgs(wanted));
      return { outcome: reply.at(-1) === 1 ? 'changed' : 'conflict', state };
    },
    create: async (showId, control) => {
      const args = [(await isUntouched(showId)) ? 1 : 0, ...fieldsOf(control)];
      return (await callForState(showId, 'create', args)).state;
    },
    entries: (showId) => readEntries(caller, showId),
    decisions: async (showId) => {
      const [, lines] = await call(showId, 'decisions', [decisionsMax]);
      return (lines as unknown[]).map(readDecision).reverse();
    },
  };
};
