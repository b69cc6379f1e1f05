import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { scratchFolder } from '@usher/tests/support/scratch.ts';
import { expect, onTestFinished, test } from 'vitest';
import { findPackage, makeLinks, type Package, usableBinaries } from './binaries.ts';
import { chooseDatabaseUser, runAs } from './user.ts';

const isRoot = process.getuid?.() === 0;
const found = await findPackage();
const user = await chooseDatabaseUser([]);
const copyName = `postgres-${found.version}`;

/** As npm unpacks it: without its links. */
const freshPackage = async (): Promise<Package> => {
  const folder = join(await scratchFolder(), 'package');
  await promisify(execFile)('cp', ['-r', found.folder, folder]);
  for (const { target } of await linksOf(folder)) rmSync(join(folder, target), { force: true });
  return { folder, version: found.version };
};

const linksOf = async (folder: string): Promise<{ target: string }[]> =>
  JSON.parse(await readFile(join(folder, 'native/pg-symlinks.json'), 'utf8'));

const versionOf = (binDir: string) => runAs(user, join(binDir, 'postgres'), ['--version']);

/** Root may write everywhere: as root, the work is done as the user `nobody`. */
const asAnOrdinaryUser = async (work: () => Promise<void>): Promise<void> => {
  if (!isRoot) return work();
  process.seteuid?.(65_534);
  try {
    await work();
  } finally {
    process.seteuid?.(0);
  }
};

test('a package without its links gets them, even from two processes at once', async () => {
  const fresh = await freshPackage();
  const dataDir = await scratchFolder();
  const both = [usableBinaries(fresh, dataDir, user), usableBinaries(fresh, dataDir, user)];
  const inPackage = join(fresh.folder, 'native/bin');
  expect(await Promise.all(both)).toEqual([inPackage, inPackage]);
  const missing = (await linksOf(fresh.folder)).filter(
    ({ target }) => !existsSync(join(fresh.folder, target)),
  );
  expect(missing).toEqual([]);
  expect(await versionOf(inPackage)).toMatchObject({ code: 0 });
  expect(readdirSync(dataDir)).toEqual([]);
});

test('missing links in a read-only folder are reported, and existing ones are enough', async () => {
  const fresh = await freshPackage();
  const lib = join(fresh.folder, 'native/lib');
  chmodSync(lib, 0o555);
  onTestFinished(() => chmodSync(lib, 0o755));
  await asAnOrdinaryUser(async () => expect(await makeLinks(fresh.folder)).toBe(false));
  chmodSync(lib, 0o755);
  expect(await makeLinks(fresh.folder)).toBe(true);
  chmodSync(lib, 0o555);
  await asAnOrdinaryUser(async () => expect(await makeLinks(fresh.folder)).toBe(true));
});

test('binaries that the database’s user cannot run in place are copied', async () => {
  const fresh = await freshPackage();
  const dataDir = await scratchFolder();
  // Root's database user may not enter a folder of mode 700; others may not run without x.
  if (isRoot) chmodSync(fresh.folder, 0o700);
  else chmodSync(join(fresh.folder, 'native/bin/postgres'), 0o644);
  const umask = process.umask(0o077);
  onTestFinished(() => {
    process.umask(umask);
  });
  const inCopy = join(dataDir, copyName, 'native/bin');
  const both = [usableBinaries(fresh, dataDir, user), usableBinaries(fresh, dataDir, user)];
  expect(await Promise.all(both)).toEqual([inCopy, inCopy]);
  expect(await versionOf(inCopy)).toMatchObject({ code: 0 });
  expect(readdirSync(dataDir)).toEqual([copyName]);
});

test('binaries that do not run on this machine are refused with their own error', async () => {
  const fresh = await freshPackage();
  const dataDir = await scratchFolder();
  rmSync(join(fresh.folder, 'native/lib'), { recursive: true });
  mkdirSync(join(fresh.folder, 'native/lib'));
  const finding = usableBinaries(fresh, dataDir, user);
  await expect(finding).rejects.toThrow(/does not run on this machine: .*shared librar/s);
});
