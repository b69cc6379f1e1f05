import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname } from 'node:path';

const forwarded = ['SIGINT', 'SIGTERM', 'SIGHUP'];
/** Ctrl-C reaches us from the terminal, and a second time from npm, which forwards it. */
const onePressMs = 500;
const watchNpmEveryMs = 1000;

/**
 * For the allocator of glibc; other systems do not read it. It would give each of Node's threads an
 * arena of its own, which keeps what is freed: 100 MB after some passwords were hashed, for which
 * each thread takes 19 MB. One arena for all gives it back, and a hash takes as long as before.
 */
const allocator = { MALLOC_ARENA_MAX: '1' };

/**
 * Runs a program with this terminal's input and output, and returns its exit code. It gets a
 * separate process group, so that Ctrl-C reaches it only through us, once. It also gets a channel
 * to us; when that closes, the program knows that we have died
 * (server/src/platform/parent-watch.ts).
 */
export async function run(program, argv, { cwd, stdio }) {
  const child = spawn(program, argv, {
    cwd,
    detached: true,
    env: {
      ...allocator,
      ...process.env,
      PATH: [dirname(program), process.env.PATH].join(delimiter),
    },
    stdio: stdio ?? ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  let saidLastLine = false;
  child.on('message', (message) => {
    saidLastLine ||= message === 'the last line is mine';
  });
  const unforward = forwardSignals(child);
  const unwatch = watchNpm(() => child.kill('SIGTERM'));
  try {
    const [code, signal] = await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (...ended) => resolve(ended));
    });
    if (signal === null) return { code, saidLastLine };
    return { code: 128 + constants.signals[signal], saidLastLine: false };
  } finally {
    unforward();
    unwatch();
  }
}

function forwardSignals(child) {
  const lastAtMs = new Map();
  const forward = (signal) => {
    const nowMs = performance.now();
    const isEcho = nowMs - (lastAtMs.get(signal) ?? Number.NEGATIVE_INFINITY) < onePressMs;
    lastAtMs.set(signal, nowMs);
    if (!isEcho) child.kill(signal);
  };
  for (const signal of forwarded) process.on(signal, forward);
  return () => {
    for (const signal of forwarded) process.off(signal, forward);
  };
}

/**
 * npm forwards TERM, but when it is killed we get no signal. Calls back when an ancestor between us
 * and npm changes. Without npm above us nothing is watched: under `nohup` parents may exit first.
 */
function watchNpm(onGone) {
  if (!process.env.npm_lifecycle_event) return () => {};
  const before = ancestors();
  const timer = setInterval(() => {
    if (ancestors() === before) return;
    clearInterval(timer);
    onGone();
  }, watchNpmEveryMs);
  return () => clearInterval(timer);
}

/** Parent, and its parent if the system tells: npm starts us through a shell, which may remain. */
function ancestors() {
  const parent = process.ppid;
  try {
    const [, rest = ''] = readFileSync(`/proc/${parent}/stat`, 'utf8').split(/\) (?=\S \d+ )/);
    return `${parent} ${rest.split(' ')[1]}`;
  } catch {
    return `${parent}`;
  }
}
