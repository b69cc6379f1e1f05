import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { bytesOfHex, commitmentOf, drawAlgorithm, hexOf, makeDraw } from '@usher/domain/draw.ts';
import type { DrawRecord } from '@usher/domain/draw-check.ts';
import { isProven } from '@usher/domain/merkle.ts';
import { afterThisFile } from '@usher/tests/support/after-file.ts';
import { scratchFolder } from '@usher/tests/support/scratch.ts';
import { finish } from '@usher/tests/support/usher-process.ts';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { sha256 } from '../platform/hash.ts';
import { processPort } from '../platform/process.ts';
import { UsageError } from './command.ts';
import { verifyFairnessCommand } from './verify-fairness.ts';

const showId = 'show_01jd8zk3v7q2m4x6t9w1y5b0ce';
const serverSeed = sha256(Uint8Array.of(3));
const keys = Uint8Array.from({ length: 13 * 8 }, (_, at) => (at >> 3) + 1);
const draw = makeDraw(sha256, { serverSeed: hexOf(serverSeed), keys });
const published = {
  showId,
  algorithm: drawAlgorithm,
  commitment: hexOf(commitmentOf(sha256, serverSeed)),
  commitmentAt: '2026-11-01T09:00:00.000Z',
};
const record: DrawRecord = {
  ...published,
  serverSeed: hexOf(serverSeed),
  entries: 13,
  root: draw.root,
  seed: draw.seed,
  drawnAt: '2026-11-21T11:00:00.000Z',
  keys: Buffer.from(keys).toString('base64'),
};
const number = (draw.permutation[4] ?? 0) + 1;
const place = { standing: 'WAITING', number, receipt: { entry: 4, key: 'BQUFBQUFBQU' } };

let folder = '';
const keep = async (name: string, content: unknown): Promise<string> => {
  const path = join(folder, name);
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
};
/** Runs the command; returns its output and exit code. */
const verify = async (...words: string[]): Promise<{ code: number; said: string }> => {
  const said: string[] = [];
  const hear = (text: string): void => void said.push(text);
  const ears = [
    vi.spyOn(processPort, 'print').mockImplementation(hear),
    vi.spyOn(processPort, 'printError').mockImplementation(hear),
  ];
  try {
    return { code: await verifyFairnessCommand.run(words), said: said.join('') };
  } finally {
    for (const ear of ears) ear.mockRestore();
  }
};

beforeAll(async () => {
  folder = await scratchFolder();
});

describe('usher verify-fairness', () => {
  test('exits with 0 for an honest record, commitment and receipt', async () => {
    const { code, said } = await verify(
      '--record',
      await keep('record.json', record),
      '--commitment',
      await keep('commitment.json', published),
      '--receipt',
      await keep('place.json', place),
    );
    expect(said).toContain(`the draw gives entry 4 number ${number}`);
    expect(said).toMatch(/^fair: /m);
    expect(code).toBe(0);
  });

  test('says if the commitment was not compared with the published one', async () => {
    const path = await keep('record.json', record);
    const alone = await verify('--record', path);
    expect([alone.code, alone.said]).toEqual([0, expect.stringContaining('not checked whether')]);
    const compared = await verify('--record', path, '--commitment', record.commitment);
    expect(compared.code).toBe(0);
    expect(compared.said).not.toContain('not checked whether');
  });

  test('exits with 3 for a changed record, and names what does not match', async () => {
    const changed = Buffer.from(keys.with(30, 0)).toString('base64');
    const path = await keep('changed.json', { ...record, keys: changed });
    const { code, said } = await verify('--record', path);
    expect(said).toMatch(/^BROKEN {3}the root does not match these keys/m);
    expect([code, said]).toEqual([3, expect.stringMatching(/^unfair: /m)]);
  });

  test('exits with 3 for another commitment, and for a number that was not drawn', async () => {
    const path = await keep('record.json', record);
    const other = await verify('--record', path, '--commitment', 'ab'.repeat(32));
    expect(other.code).toBe(3);
    const receipt = ['--entry', '4', '--key', 'BQUFBQUFBQU', '--number', String(number + 1)];
    const wrong = await verify('--record', path, ...receipt);
    expect([wrong.code, wrong.said]).toEqual([3, expect.stringContaining('the receipt says')]);
  });

  test('prints a proof as JSON that shows an entry without the record', async () => {
    const { code, said } = await verify(
      '--json',
      '--record',
      await keep('record.json', record),
      '--receipt',
      await keep('place.json', place),
    );
    const answer = JSON.parse(said) as { verdict: string; proof: string[] };
    expect([code, answer.verdict]).toEqual([0, 'fair']);
    const proof = answer.proof.map((hex) => bytesOfHex(hex) ?? new Uint8Array());
    const root = bytesOfHex(record.root) ?? new Uint8Array();
    const key = keys.subarray(32, 40);
    expect(isProven(sha256, { root, entries: 13, entry: 4, key, proof })).toBe(true);
  });

  test('fetches the record from a URL, and detects the record of another show', async () => {
    const server = createServer((ask, answer) => {
      const isRecord = ask.url?.endsWith('/queue/draw') === true;
      answer.writeHead(isRecord ? 200 : 404).end(JSON.stringify(record));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    afterThisFile(() => new Promise<void>((resolve) => server.close(() => resolve())));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const at = (show: string, end = 'queue/draw') =>
      verify('--record', `${origin}/api/v1/shows/${show}/${end}`);
    expect((await at(showId)).code).toBe(0);
    expect((await at('show_00000000000000000000000000')).code).toBe(3);
    await expect(at(showId, 'queue/nothing')).rejects.toThrow('the server returned 404');
  });
});

describe('usher verify-fairness does not call a draw fair if it could not check', () => {
  test.each([
    ['no such file', '', 'ENOENT'],
    ['not JSON', '{', 'is not JSON'],
    ['not a record', { ...record, root: 7 }, 'is not the record of a draw'],
  ])('%s', async (name, content, says) => {
    const path = content === '' ? join(folder, 'nothing') : await keep(`${name}.json`, content);
    await expect(verify('--record', path)).rejects.toThrow(says);
  });

  test('a record with rules that this program does not know', async () => {
    const strange = { ...record, algorithm: 'usher-draw-9', seed: '' };
    const { code, said } = await verify('--record', await keep('strange.json', strange));
    expect([code, said]).toEqual([1, expect.stringContaining('this program knows usher-draw-1')]);
  });

  test('a receipt from before the draw', async () => {
    const { code, said } = await verify(
      '--record',
      await keep('record.json', record),
      '--receipt',
      await keep('lobby.json', { ...place, number: null }),
    );
    expect([code, said]).toEqual([1, expect.stringContaining(`entry 4 has ${number}`)]);
  });
});

describe('a usage error is reported before anything is read:', () => {
  test.each([
    [['--receipt', 'place.json']],
    [['--record', 'r.json', '--entry', '4']],
    [['--record', 'r.json', '--entry', '4', '--key', 'short', '--number', '1']],
    [['--record', 'r.json', '--entry', 'four', '--key', 'BQUFBQUFBQU', '--number', '1']],
  ])('%j', async (words) => {
    await expect(verify(...words)).rejects.toBeInstanceOf(UsageError);
  });

  test('an unknown option', async () => {
    await expect(verify('--record', 'r.json', '--everything')).rejects.toThrow('--everything');
  });
});

test('verify-fairness exits with 0 for fair, 3 for unfair, 1 and 2 for neither', async () => {
  const path = await keep('record.json', record);
  const runs = [
    [path],
    [path, '--commitment', 'ab'.repeat(32)],
    [join(folder, 'nothing')],
    [path, '--x'],
  ].map((words) => finish(['verify-fairness', '--record', ...words], {}));
  expect((await Promise.all(runs)).map(({ code }) => code)).toEqual([0, 3, 1, 2]);
});
