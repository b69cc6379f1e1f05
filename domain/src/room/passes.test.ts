import { expect, test } from 'vitest';
import { makeRandom } from '../random.ts';
import { makePasses } from './passes.ts';

type Held = { number: number; endsAtMs: number; endsByMs: number; orderId: string };

test.each([1, 2, 3, 4])('passes expire on time, however they were changed (%i)', (seed) => {
  const dice = makeRandom(seed).below;
  const passes = makePasses();
  const model = new Map<number, Held>();
  for (let now = 0; now < 20_000; now += dice(8)) {
    const who = dice(200);
    const [low, high] = [who % 7, who];
    const held = model.get(who);
    const what = dice(10);
    if (what < 5 && held === undefined) {
      const pass = { number: who, endsAtMs: now + 1 + dice(500), endsByMs: 0, orderId: '' };
      passes.put(low, high, pass);
      model.set(who, pass);
    } else if (what < 8 && held !== undefined) {
      const changed = { ...held, endsAtMs: now + 1 + dice(900), orderId: `order ${what}` };
      passes.change(low, high, changed.endsAtMs, changed.orderId);
      model.set(who, changed);
    } else if (what === 8) expect(passes.remove(low, high)).toBe(model.delete(who));
    else {
      const over = [...model].filter(([, { endsAtMs }]) => endsAtMs <= now);
      for (const [each] of over) model.delete(each);
      expect(passes.sweep(now)).toBe(over.length);
    }
    expect(passes.get(low, high)).toEqual(model.get(who) ?? null);
    expect(passes.count).toBe(model.size);
  }
  passes.clear();
  expect([passes.count, passes.sweep(1e9)]).toEqual([0, 0]);
});

test('a pass that is given again expires at its new end, not at the previous one', () => {
  const passes = makePasses();
  const pass = { number: 1, endsByMs: 0, orderId: '' };
  passes.put(1, 1, { ...pass, endsAtMs: 100 });
  passes.remove(1, 1);
  passes.put(1, 1, { ...pass, endsAtMs: 300 });
  expect([passes.sweep(200), passes.count, passes.sweep(300), passes.count]).toEqual([0, 1, 1, 0]);
});

test('changing the pass of a person without one has no effect', () => {
  const passes = makePasses();
  passes.change(1, 1, 5, 'order');
  expect([passes.get(1, 1), passes.count]).toEqual([null, 0]);
});
