import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { startSandbox } from './test-bed.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

/** Method, path below /__ctl/ and body of every curl line of the README. */
const examples = readme
  .split('\n')
  .filter((line) => line.startsWith('curl ') && line.includes('/__ctl'))
  .map((line) => {
    const body = / -d '([^']+)'/.exec(line)?.[1];
    const method = / -X (\w+)/.exec(line)?.[1] ?? (body === undefined ? 'GET' : 'POST');
    const path = /\$S\/__ctl\/([^\s"']+)/.exec(line)![1]!;
    return { line, method, path, body };
  });

describe('the README', () => {
  let documented: Set<string>;
  beforeAll(() => {
    documented = new Set(examples.map(({ method, path }) => `${method} /__ctl/${path}`));
  });

  test('has a curl line for every control call', async () => {
    const bed = await startSandbox();
    const { calls } = (await bed.control('')).body as { calls: string[] };
    const bare = new Set([...documented].map((each) => each.split('?')[0]!));
    expect(calls.length).toBeGreaterThan(15);
    expect(calls.filter((each) => !bare.has(each))).toEqual([]);
  });

  test.each(examples)('has a working example: $line', async ({ method, path, body }) => {
    const bed = await startSandbox({ webhookUrl: 'http://127.0.0.1:1/hook' });
    if (path !== 'authenticate') {
      const isAccount = path.includes('deposit');
      await bed.paid('order-0001', 15_000, isAccount ? { method: 'VIRTUAL_ACCOUNT' } : {});
      if (path === 'reverse-deposit') await bed.control('deposit', { orderId: 'order-0001' });
    }
    await bed.control('rules', { match: { orderId: 'nobody' }, action: 'hang' });
    expect(await bed.control(path, body, method)).toMatchObject({ status: 200 });
  });
});
