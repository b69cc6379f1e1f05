// A program that keeps a room in memory and runs a crowd against it until it is killed. Each
// command and each answer is a line of JSON on its output. That must be a file: a line is written
// before anything else happens, so every answer in it was given. (Into a full pipe Node writes
// later.) After every round it sends its number to the parent. The second argument `early` plants a
// bug: the journal confirms a commit ten commits before it is written.

import { makeRandom } from '@usher/domain/random.ts';
import type { RoomAnswer, RoomCommand } from '@usher/domain/room/types.ts';
import { manualClock } from '../../server/src/platform/clock.ts';
import { openDatabase } from '../../server/src/platform/postgres/sql.ts';
import { openMemoryRooms } from '../../server/src/services/waiting-room/store.memory.ts';
import {
  makeRoomJournal,
  type RoomJournal,
} from '../../server/src/services/waiting-room/store.postgres.ts';
import { openControl, personOf, promisedTerms, startMs } from '../contracts/room/stage.ts';

import { silentLog } from './log.ts';

export type RoomLine =
  | { asked: number; kind: RoomCommand['kind'] }
  | { answered: number; kind: RoomCommand['kind']; answer: RoomAnswer }
  | { ticking: true }
  | { ticked: { nowMs: number; front: number; late: number } };

const say = (line: RoomLine) => process.stdout.write(`${JSON.stringify(line)}\n`);
const [url = '', how = ''] = process.argv.slice(2);
const showId = 'show_crowd';
const crowdCount = 10_000;
const seats = 1_000_000;

const committingTooLate = (journal: RoomJournal): RoomJournal => {
  const behind: Parameters<RoomJournal['write']>[] = [];
  return {
    ...journal,
    write: async (...given) => {
      behind.push(given);
      const earlier = behind.length > 10 ? behind.shift() : undefined;
      return earlier === undefined || journal.write(...earlier);
    },
  };
};

const db = openDatabase({ url, name: 'crowd', log: silentLog, poolMax: 2 });
const journal = makeRoomJournal(db);
const clock = manualClock(startMs);
const store = await openMemoryRooms({
  clock,
  log: silentLog,
  owner: `crowd ${process.pid}`,
  terms: promisedTerms,
  isAlone: true,
  journal: how === 'early' ? committingTooLate(journal) : journal,
});
await store.create(showId, { ...openControl, activeMax: 400, ratePerMinute: 60_000 });

const dice = makeRandom(1).below;
const entries = new Map<number, number>();
const standings = new Map<number, string>();

const ask = async (who: number, command: RoomCommand): Promise<void> => {
  say({ asked: who, kind: command.kind });
  const [answer = { outcome: 'none' }] = await store.play(showId, [command]);
  say({ answered: who, kind: command.kind, answer });
  if (answer.outcome === 'placed') entries.set(who, answer.entry);
  standings.set(who, answer.outcome === 'stands' ? answer.standing : answer.outcome);
};
const join = (who: number): Promise<void> =>
  ask(who, {
    kind: 'join',
    person: personOf(who),
    presented: null,
    replaces: null,
    mayEnter: true,
  });
/** What a person with this standing does next. */
const act = (who: number): Promise<void> => {
  const person = personOf(who);
  const entry = entries.get(who) ?? 0;
  const place = { person, entry, number: entry + 1 };
  const orderId = `order_${who}`;
  if (dice(50) === 0) return ask(who, { kind: 'leave', ...place });
  switch (standings.get(who)) {
    case 'none':
    case 'done':
      return join(who);
    case 'called':
      // One in ten only watches and is late.
      return ask(who, { kind: who % 10 > 0 && dice(3) > 0 ? 'claim' : 'appear', ...place });
    case 'late':
      return ask(who, { kind: 'claim', ...place });
    case 'active':
    case 'live': {
      const untilMs = clock.nowMs() + 900_000 + dice(1000);
      const uses: RoomCommand[] = [
        { kind: 'touch', person, presented: null },
        { kind: 'pin', person, orderId, untilMs },
        { kind: 'unpin', person, orderId },
        { kind: 'complete', person, orderId },
        { kind: 'complete', person, orderId },
      ];
      return ask(who, uses[dice(uses.length)] ?? { kind: 'appear', ...place });
    }
    default:
      return ask(who, { kind: 'appear', ...place });
  }
};

for (let from = 0; from < crowdCount; from += 250)
  await Promise.all(Array.from({ length: 250 }, (_, at) => join(from + at)));
for (let round = 1; ; round++) {
  process.send?.(round);
  // From now on nobody is called, and late people accumulate.
  if (round === 100)
    await store.change(showId, { changeId: 'fewer', ifRev: 1, change: { activeMax: 1 } });
  await clock.advance(500);
  say({ ticking: true });
  const { nowMs, front, late } = await store.tick(showId, seats);
  say({ ticked: { nowMs, front, late } });
  const busy = [...standings].filter(([, is]) => is !== 'waiting' && is !== 'placed');
  const chosen = new Set(Array.from({ length: 300 }, () => dice(crowdCount)));
  for (const [who] of busy) if (dice(2) === 0) chosen.add(who);
  await Promise.all([...chosen].map(act));
}
