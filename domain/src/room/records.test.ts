import { expect, test } from 'vitest';
import { makeRandom } from '../random.ts';
import { makeRecordReader, makeRecordWriter } from './records.ts';

const edges = [0, 1, 127, 128, 16_383, 16_384, 2 ** 31, 2 ** 32 - 1, 2 ** 42, 2 ** 53 - 1];

test('whole numbers of any size are read back, in as few bytes as they need', () => {
  const writer = makeRecordWriter();
  for (const value of edges) writer.int(value);
  const reader = makeRecordReader(writer.take());
  expect(edges.map(() => reader.int())).toEqual(edges);
  expect(reader.isAtEnd).toBe(true);
  const sizes = edges.map((value) => {
    writer.int(value);
    return writer.take().length;
  });
  expect(sizes).toEqual([1, 1, 1, 2, 2, 3, 5, 5, 7, 8]);
});

test('everything written is read back, in any order and of any length', () => {
  const dice = makeRandom(5).below;
  const writer = makeRecordWriter();
  const texts = ['', 'order_01', '잠시만 “기다려” 주세요', 'x'.repeat(100_000)];
  const steps = Array.from({ length: 3000 }, () => dice(4));
  const words = steps.map(() => dice(2 ** 32));
  const lists = steps.map(() => Array.from({ length: dice(20) }, (_, at) => 1000 * at + dice(999)));
  for (const [at, step] of steps.entries()) {
    if (step === 0) writer.int(words[at] ?? 0);
    if (step === 1) writer.word(words[at] ?? 0);
    if (step === 2) writer.text(texts[at % 4] ?? '');
    if (step === 3) writer.ascending(lists[at] ?? []);
  }
  const reader = makeRecordReader(writer.take());
  for (const [at, step] of steps.entries()) {
    if (step === 0) expect(reader.int()).toBe(words[at]);
    if (step === 1) expect(reader.word()).toBe(words[at]);
    if (step === 2) expect(reader.text()).toBe(texts[at % 4]);
    if (step === 3) expect(reader.ascending()).toEqual(lists[at]);
  }
  expect([reader.isAtEnd, writer.size]).toEqual([true, 0]);
});

test('a record that ends too early is refused', () => {
  const writer = makeRecordWriter();
  writer.text('abc');
  const cut = writer.take().slice(0, 3);
  expect(() => makeRecordReader(cut).text()).toThrow('cut short');
  expect(() => makeRecordReader(cut).word()).toThrow('cut short');
  expect(() => makeRecordReader(new Uint8Array([128])).int()).toThrow('cut short');
});
