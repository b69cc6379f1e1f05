import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release } from 'node:os';

/** Ticks a second of /proc/PID/stat (USER_HZ, 100 on every Linux). */
const ticksPerS = 100;

/** `aside`: threads of the server with a lower priority, which draw tickets and compose mails. */
export type ProcessKind = 'server' | 'aside' | 'postgres' | 'sandbox' | 'generator';
/** CPU seconds since each process began. */
export type CpuSeconds = Record<ProcessKind, number>;

type Stat = { pid: number; parent: number; ownTicks: number; endedTicks: number; nice: number };

/**
 * `pid (name) state ppid … utime(14) stime(15) cutime(16) cstime(17) priority(18) nice(19)` of a
 * process or, below `task`, of a thread; names may hold blanks.
 */
const readStat = (path: string): Stat | null => {
  try {
    const text = readFileSync(`/proc/${path}/stat`, 'utf8');
    const rest = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const at = (field: number): number => Number(rest[field - 3]);
    return {
      pid: Number.parseInt(text, 10),
      parent: at(4),
      nice: at(19),
      ownTicks: at(14) + at(15),
      endedTicks: at(16) + at(17),
    };
  } catch {
    // It has ended since the folder was listed.
    return null;
  }
};

const commandOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ');
  } catch {
    // It has ended since the folder was listed.
    return '';
  }
};

/** What each thread of lower priority was last seen to have used, also of ended ones: by its id. */
const asideTicks = new Map<string, number>();

/** A thread that ends between two readings counts for the server from the first of them on. */
const readAsideTicks = (serverPid: number, serverNice: number): number => {
  for (const thread of readdirSync(`/proc/${serverPid}/task`)) {
    const stat = readStat(`${serverPid}/task/${thread}`);
    if (stat !== null && stat.nice > serverNice)
      asideTicks.set(`${serverPid}/${thread}`, stat.ownTicks);
  }
  let sum = 0;
  for (const [thread, ticks] of asideTicks) if (thread.startsWith(`${serverPid}/`)) sum += ticks;
  return sum;
};

const kindOf = (pid: number, serverPid: number): ProcessKind => {
  if (pid === serverPid) return 'server';
  return commandOf(pid).includes('sandbox/src/main.ts') ? 'sandbox' : 'postgres';
};

const readTree = (serverPid: number): { server: Stat; all: Stat[] } => {
  const stats = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readStat(name) ?? []);
  const server = stats.find(({ pid }) => pid === serverPid);
  if (server === undefined) throw new Error(`process ${serverPid} is gone`);
  const all = [server];
  // The list grows during the loop: children come after their parents.
  for (const { pid } of all) all.push(...stats.filter(({ parent }) => parent === pid));
  return { server, all };
};

/** CPU of the server's process tree by kind, and of this process, which generates the load. */
export const readCpu = (serverPid: number): CpuSeconds => {
  const { server, all } = readTree(serverPid);
  const seconds: CpuSeconds = { server: 0, aside: 0, postgres: 0, sandbox: 0, generator: 0 };
  for (const stat of all) {
    const kind = kindOf(stat.pid, serverPid);
    // The time of ended PostgreSQL connections is in their parent's account.
    const ticks = stat.ownTicks + (kind === 'postgres' ? stat.endedTicks : 0);
    seconds[kind] += ticks / ticksPerS;
  }
  seconds.aside = readAsideTicks(serverPid, server.nice) / ticksPerS;
  seconds.server -= seconds.aside;
  const own = process.cpuUsage();
  seconds.generator = (own.user + own.system) / 1e6;
  return seconds;
};

const readPss = (pid: number): number => {
  try {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    return Number(/^Pss:\s+(\d+) kB$/m.exec(rollup)?.[1]) * 1024;
  } catch {
    // It has ended since the folder was listed.
    return 0;
  }
};

/**
 * Bytes that the server's process tree holds, by kind: the proportional set size, in which a page
 * that several processes share counts for each of them by its share.
 */
export const readMemory = (serverPid: number): Record<ProcessKind, number> => {
  const bytes = { server: 0, aside: 0, postgres: 0, sandbox: 0, generator: 0 };
  for (const { pid } of readTree(serverPid).all) bytes[kindOf(pid, serverPid)] += readPss(pid);
  return bytes;
};

/** For the record of every run. */
export const describeMachine = () => ({
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: availableParallelism(),
  system: `${process.platform} ${release()}`,
  node: process.version,
  loadBefore: loadavg().map((value) => Math.round(value * 10) / 10),
});
