import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { rewindBefore } from '@usher/tests/support/rewind.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { stateMachines } from '../../state-machines.ts';
import { manualClock } from '../clock.ts';
import { silentLog } from '../log.ts';
import { makeMetrics } from '../metrics.ts';
import { migrate } from '../postgres/migrate.ts';
import { append, type JournalBed, openJournalBed, openRelay, testEvent } from './test-bed.ts';

const consumers = ['catalogue-sold-out', 'notifications', 'ranking', 'waiting-room-order-ends'];

let bed: JournalBed;
let url: string;
beforeEach(async () => {
  ({ url } = await makeTestDatabase());
  bed = await openJournalBed(url);
});
afterEach(() => bed.close());

const upgrade = async (): Promise<void> => {
  await migrate({ url, log: silentLog, machines: stateMachines });
};
const cursors = () =>
  bed.db.query<{ consumer: string; seq: number }>(
    'SELECT consumer, seq FROM platform.cursors ORDER BY consumer',
  );
/** The relay of this version with the consumers of the previous one; none of them idempotent. */
const relayOnce = async (): Promise<void> => {
  const relay = openRelay({
    db: bed.db,
    clock: manualClock(0),
    log: silentLog,
    metrics: makeMetrics(),
    owner: 'the new version',
    consumers: consumers.map((name) => bed.consumer(name)),
  });
  await relay.round();
  await relay.close();
};

describe('a database with one mark for all consumers', () => {
  const events = ['one', 'two', 'three', 'four'].map((show) => testEvent(show)) as [
    ReturnType<typeof testEvent>,
    ...ReturnType<typeof testEvent>[],
  ];
  const [first, second, third, fourth] = events.map(({ name }) => name) as [
    string,
    string,
    string,
    string,
  ];
  /**
   * As a relay of the previous version leaves it: the second event waits for its show, the third
   * was passed on before it, and the fourth had reached two consumers when the relay was killed.
   */
  const leave = async (): Promise<void> => {
    await append(bed.db, ...events);
    await rewindBefore(bed.db, '000015_cursors');
    await bed.db.query(
      `UPDATE platform.outbox
       SET published_at = CASE WHEN payload->>'name' = ANY ($1) THEN now() END`,
      [[first, third]],
    );
    await bed.db.query(
      `INSERT INTO platform.inbox (consumer, event_id)
       SELECT consumer, id FROM platform.outbox, unnest($1::text[]) consumer
       WHERE payload->>'name' = ANY ($2)
       UNION ALL
       SELECT consumer, id FROM platform.outbox, unnest($4::text[]) consumer
       WHERE payload->>'name' = $3`,
      [consumers, [first, third], fourth, ['ranking', 'notifications']],
    );
  };

  test('starts every consumer at the oldest event that was not passed on', async () => {
    await leave();
    await upgrade();
    expect(await cursors()).toEqual(consumers.map((consumer) => ({ consumer, seq: 1 })));
  });

  test('delivers to each consumer what it has not seen, and nothing twice', async () => {
    await leave();
    await upgrade();
    await relayOnce();
    for (const seen of ['ranking', 'notifications'])
      expect(await bed.effects(seen)).toEqual([second]);
    for (const unseen of ['catalogue-sold-out', 'waiting-room-order-ends'])
      expect(await bed.effects(unseen)).toEqual([second, fourth]);
    expect(await bed.waiting()).toEqual([]);
  });

  test('would deliver twice without the inbox: the check is needed', async () => {
    await leave();
    await upgrade();
    await bed.db.query('UPDATE platform.cursors SET inbox_until = NULL');
    await relayOnce();
    expect(await bed.effects('ranking')).toEqual([second, third, fourth]);
  });

  test('in which everything was passed on starts consumers after the last event', async () => {
    await append(bed.db, ...events);
    await rewindBefore(bed.db, '000015_cursors');
    await bed.db.query('UPDATE platform.outbox SET published_at = now()');
    await upgrade();
    expect(await cursors()).toEqual(consumers.map((consumer) => ({ consumer, seq: 4 })));
    await relayOnce();
    expect(await bed.effects('ranking')).toEqual([]);
  });

  test('that is empty starts consumers at the beginning', async () => {
    await rewindBefore(bed.db, '000015_cursors');
    await upgrade();
    expect(await cursors()).toEqual(consumers.map((consumer) => ({ consumer, seq: 0 })));
  });
});
