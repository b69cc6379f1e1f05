import { until } from '@usher/tests/support/until.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  append,
  findEventId,
  type JournalBed,
  openJournalBed,
  readName,
  type TestEvent,
  testEvent,
} from '../journal/test-bed.ts';
import type { Database } from '../postgres/sql.ts';
import type { Batch, Bus } from './bus.ts';

const namesOf = (events: readonly TestEvent[]): string[] => events.map((event) => event.name);

/**
 * What every bus guarantees, observed from outside: what was written to the journal, and the
 * effects of consumers. `openBus` creates a bus for each process; they are connected if possible.
 */
export const promiseBus = (
  name: string,
  deps: { makeDatabase: () => Promise<{ url: string }>; openBus: () => Bus },
): void => {
  describe(name, () => {
    let bed: JournalBed;
    /** Everything that was published, in order. */
    let published: Batch[];
    const makeBus = (): Bus => {
      const bus = deps.openBus();
      return {
        ...bus,
        publish: (batch) => {
          published.push(batch);
          return bus.publish(batch);
        },
      };
    };
    beforeEach(async () => {
      published = [];
      bed = await openJournalBed((await deps.makeDatabase()).url, makeBus);
    });
    afterEach(() => bed.close());
    const open = async (...given: Parameters<JournalBed['relay']>) => {
      const relay = bed.relay(...given);
      await until('the relay sleeps', () => relay.clock.sleeping === 1);
      return relay;
    };
    /** Advances the clock, round after round. */
    const pass = async (relay: Awaited<ReturnType<typeof open>>, ms: number): Promise<void> => {
      for (let passed = 0; passed < ms; passed += 500) {
        await until('the relay sleeps', () => relay.clock.sleeping === 1);
        await relay.clock.advance(500);
      }
      await until('the relay sleeps', () => relay.clock.sleeping === 1);
    };

    test('delivers every event to every consumer of its type', async () => {
      const relay = await open([bed.consumer('mails'), bed.consumer('ranking')]);
      const events = Array.from({ length: 700 }, (_, i) => testEvent(`show ${i % 5}`));
      await append(bed.db, ...events);
      relay.wake();
      await until('all are taken', async () => (await bed.waiting()).length === 0);
      for (const consumer of ['mails', 'ranking'])
        expect((await bed.effects(consumer)).toSorted()).toEqual(namesOf(events).toSorted());
    });

    test('keeps the order of the events of a show', async () => {
      const relay = await open([bed.consumer('mails')]);
      const events = Array.from({ length: 60 }, (_, i) => testEvent(`show ${i % 3}`));
      for (let at = 0; at < events.length; at += 7) {
        await append(bed.db, ...events.slice(at, at + 7));
        relay.wake();
      }
      await until('all are taken', async () => (await bed.waiting()).length === 0);
      const effects = await bed.effects('mails');
      for (let show = 0; show < 3; show++) {
        const ofShow = namesOf(events.filter((event) => event.showId === `show ${show}`));
        expect(effects.filter((id) => ofShow.includes(id))).toEqual(ofShow);
      }
    });

    test('applies the effect of an event once, even if it is delivered twice', async () => {
      const relay = await open([bed.consumer('mails')]);
      const events = [testEvent('show 1'), testEvent('show 2')];
      await append(bed.db, ...events);
      await relay.round();
      for (const batch of [...published]) await relay.bus.publish(batch);
      expect(await bed.effects('mails')).toEqual(namesOf(events));
    });

    test('would apply it twice if the cursor did not move: the test can fail', async () => {
      const blind = (db: Database): Database => ({
        ...db,
        transaction: (work) =>
          db.transaction((tx) =>
            work({
              query: (text, params) =>
                tx.query(text.replace('SET seq = $4', 'SET seq = $3 + 0 * $4'), params),
            }),
          ),
      });
      const relay = await open([bed.consumer('mails')], { db: blind(bed.db) });
      const event = testEvent('show 1');
      await append(bed.db, event);
      await relay.round();
      await relay.round();
      expect((await bed.effects('mails')).length).toBeGreaterThan(1);
    });

    test('stops only the show of a poison message, which becomes a dead letter', async () => {
      const [poison, after, healthy] = [
        testEvent('show 1'),
        testEvent('show 1'),
        testEvent('show 2'),
      ] as const;
      let isCured = false;
      const mails = bed.consumer('mails', (events) => {
        if (!isCured && events.some((event) => readName(event) === poison.name))
          throw new Error('poison');
      });
      const relay = await open([mails]);
      await append(bed.db, poison, after, healthy);
      await pass(relay, 500);
      expect(await bed.effects('mails')).toEqual([healthy.name]);
      await pass(relay, 20_000);
      expect(await bed.effects('mails')).toEqual([healthy.name, after.name]);
      const eventId = await findEventId(bed.db, poison);
      expect((await relay.deadLetters(10)).map((letter) => letter.eventId)).toEqual([eventId]);
      isCured = true;
      expect(await relay.replay('mails', eventId)).toBe('replayed');
      expect(await bed.effects('mails')).toEqual([healthy.name, after.name, poison.name]);
    });

    test('starts a new consumer at the first event, however far the others are', async () => {
      const first = await open([bed.consumer('mails')]);
      const events = [testEvent('show 1'), testEvent('show 1'), testEvent('show 2')];
      await append(bed.db, ...events);
      await first.round();
      const second = await open([bed.consumer('ranking')]);
      await second.round();
      expect(await bed.effects('ranking')).toEqual(namesOf(events));
      expect(await bed.effects('mails')).toEqual(namesOf(events));
    });

    test('changes nothing if everything is published again from the beginning', async () => {
      const relay = await open([bed.consumer('mails'), bed.consumer('ranking')]);
      const events = Array.from({ length: 30 }, (_, i) => testEvent(`show ${i % 4}`));
      for (const event of events) {
        await append(bed.db, event);
        await relay.round();
      }
      for (const batch of [...published]) await relay.bus.publish(batch);
      for (const consumer of ['mails', 'ranking'])
        expect(await bed.effects(consumer)).toEqual(namesOf(events));
    });

    test('keeps one consumer’s error from affecting the others', async () => {
      const bus = deps.openBus();
      const heard: number[] = [];
      bus.subscribe(async () => {
        throw new Error('the store is away');
      });
      bus.subscribe(async (batch) => void heard.push(batch.throughSeq));
      const batch = { afterSeq: 0, throughSeq: 7, events: [] };
      await expect(bus.publish(batch)).rejects.toThrow('the store is away');
      expect(heard).toEqual([7]);
    });
  });
};
