import { readdirSync, readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { scratchFolder } from '../support/scratch.ts';
import { finish } from '../support/usher-process.ts';

const commands = [
  'start',
  'migrate',
  'seed',
  'stampede',
  'room',
  'verify-fairness',
  'account',
  'check-config',
  'docs',
];

/** Runs a command whose data folder is new; also returns what it left there. */
const finishInNewFolder = async (
  words: readonly string[],
  settings: Readonly<Record<string, string>> = {},
) => {
  const dataDir = join(await scratchFolder(), 'data');
  const { code, said } = await finish(words, {
    USHER_DATA_DIR: dataDir,
    PORT: '0',
    ...settings,
  });
  let left: string[] = [];
  try {
    left = readdirSync(dataDir);
  } catch {
    // The folder was not created.
  }
  return { code, said, left };
};

describe('asking for help', () => {
  test('lists every command', async () => {
    const { code, said } = await finish(['--help'], {});
    expect(code).toBe(0);
    for (const name of commands) expect(said).toMatch(new RegExp(`^  usher ${name}\\b`, 'm'));
  });

  test.for(commands)('of %s prints its help and does nothing else', async (name) => {
    for (const words of [
      [name, '--help'],
      [name, '-h'],
      ['help', name],
      [name, 'x', '--help'],
    ]) {
      const { code, said, left } = await finishInNewFolder(words);
      expect([code, left], words.join(' ')).toEqual([0, []]);
      expect(said).toMatch(new RegExp(`^usher ${name}: `));
    }
  });
});

describe('a word that is not understood', () => {
  test.for([
    ['migrate', 'now'],
    ['seed', 'all'],
    ['docs', 'here'],
    ['check-config', 'extra'],
    ['start', 'now'],
    ['seed', '--force'],
    ['stampede', '--html'],
    ['verify-fairness'],
    ['verify-fairness', '--record', 'r.json', 'more'],
  ])('is a usage error, and nothing is done: usher %s %s', async (words) => {
    const { code, said, left } = await finishInNewFolder(words);
    expect([code, left]).toEqual([2, []]);
    expect(said).toContain(`see usher ${words[0]} --help`);
  });

  test.for([
    [['stat'], "there is no command 'stat'; did you mean start?"],
    [['chek-config'], "there is no command 'chek-config'; did you mean check-config?"],
    [['help', 'sede'], "there is no command 'sede'; did you mean seed?"],
    [['start', '--service=seats'], 'there is no option --service; did you mean --services?'],
    [['stampede', '--byuers', '9'], 'there is no option --byuers; did you mean --buyers?'],
    [['room', 'puase', 'show_x'], "there is no 'room puase'; did you mean pause?"],
    [['room', 'list', '--jsno'], 'there is no option --jsno; did you mean --json?'],
    [['verify-fairness', '--recrod', 'r'], 'there is no option --recrod; did you mean --record?'],
  ] as const)('is answered with the nearest right one: %o', async ([words, says]) => {
    const { code, said } = await finish(words, {});
    expect([code, said.split('\n')[0]]).toEqual([2, says]);
  });

  test('is answered without a suggestion if nothing is near', async () => {
    const { said } = await finish(['migrate', '--kitchen'], {});
    expect(said).toBe('there is no option --kitchen\nsee usher migrate --help\n');
  });
});

test('the version is that of the package', async () => {
  const file = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const { version } = JSON.parse(file) as { version: string };
  for (const word of ['--version', 'version'])
    expect(await finish([word], {})).toEqual({ code: 0, said: `usher ${version}\n` });
});

describe('before any work begins', () => {
  test('start finds a taken port, and says which and what to do', async () => {
    const taken = createServer();
    const port = await new Promise<number>((resolve) =>
      taken.listen(0, '127.0.0.1', () => resolve((taken.address() as AddressInfo).port)),
    );
    try {
      const { code, said, left } = await finishInNewFolder(['start'], { PORT: String(port) });
      expect([code, left]).toEqual([1, []]);
      expect(said).toBe(
        `cannot listen on port ${port} of 127.0.0.1: ` +
          'another program uses it: stop that one, or set PORT\n',
      );
    } finally {
      taken.close();
    }
  });

  test('stampede finds that its page cannot be written', async () => {
    const path = join(await scratchFolder(), 'nowhere', 'page.html');
    const { code, said, left } = await finishInNewFolder(['stampede', '--html', path]);
    expect([code, left]).toEqual([1, []]);
    expect(said).toContain(path);
    expect(said).not.toContain('starting a temporary server');
  });
});
