import { chmodSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { scratchFolder } from '@usher/tests/support/scratch.ts';
import { expect, test } from 'vitest';
import { prepareDataDir, resolveDataDir } from './data-dir.ts';

const modeOf = (path: string) => statSync(path).mode & 0o777;

test('the configured folder is used; a relative path starts at the working directory', () => {
  const asked = { isRoot: true, home: '/root' };
  expect(resolveDataDir({ ...asked, configured: '/srv/tickets' })).toBe('/srv/tickets');
  const relative = resolveDataDir({ ...asked, configured: 'data' });
  expect(relative).toBe(join(process.cwd(), 'data'));
});

test('root’s data is where the database’s user can go, other users’ data in their home', () => {
  const nothing = { configured: undefined };
  expect(resolveDataDir({ ...nothing, isRoot: true, home: '/root' })).toBe('/var/lib/usher');
  const own = resolveDataDir({ ...nothing, isRoot: false, home: '/home/minji' });
  expect(own).toBe('/home/minji/.local/share/usher');
});

test('without a home directory the error names the remedy', () => {
  for (const home of [undefined, '', 'not/absolute']) {
    const resolving = () => resolveDataDir({ configured: '', isRoot: false, home });
    expect(resolving).toThrow(/HOME is not set.*USHER_DATA_DIR/);
  }
});

test('the folder is created with its missing parents, and nothing is left in it', async () => {
  const dataDir = join(await scratchFolder(), 'a/b/usher');
  await prepareDataDir(dataDir, false);
  await prepareDataDir(dataDir, false);
  expect(readdirSync(dataDir)).toEqual([]);
  expect(modeOf(dataDir)).toBe(0o700);
});

test('for root, others may enter the created folders but not list them', async () => {
  const scratch = await scratchFolder();
  const before = process.umask(0o077);
  try {
    await prepareDataDir(join(scratch, 'a/usher'), true);
  } finally {
    process.umask(before);
  }
  expect(modeOf(join(scratch, 'a'))).toBe(0o711);
  expect(modeOf(join(scratch, 'a/usher'))).toBe(0o711);
  expect(modeOf(scratch)).toBe(0o711);
});

test('an existing folder that others could list is closed to them', async () => {
  const dataDir = await scratchFolder();
  for (const [isRoot, mode] of [
    [true, 0o711],
    [false, 0o700],
  ] as const) {
    chmodSync(dataDir, 0o755);
    await prepareDataDir(dataDir, isRoot);
    expect(modeOf(dataDir)).toBe(mode);
  }
});

test('a path that is not a folder is refused with its name and the remedy', async () => {
  const file = join(await scratchFolder(), 'file');
  writeFileSync(file, '');
  const preparing = prepareDataDir(join(file, 'usher'), false);
  await expect(preparing).rejects.toThrow(`the data folder ${file}/usher cannot be written`);
  await expect(preparing).rejects.toThrow('USHER_DATA_DIR');
});

test('a folder that can be entered but not written is refused with its name', async () => {
  const locked = await scratchFolder();
  chmodSync(locked, 0o555);
  await asAnOrdinaryUser(async () => {
    const preparing = prepareDataDir(locked, false);
    await expect(preparing).rejects.toThrow(`the data folder ${locked} cannot be written`);
    await expect(preparing).rejects.toThrow('USHER_DATA_DIR');
  });
});

/** Root may write everywhere: as root, the work is done as the user `nobody`. */
const asAnOrdinaryUser = async (work: () => Promise<void>): Promise<void> => {
  if (process.getuid?.() !== 0) return work();
  process.seteuid?.(65_534);
  try {
    await work();
  } finally {
    process.seteuid?.(0);
  }
};
