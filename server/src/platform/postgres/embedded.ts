import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { prepareDataDir } from '../data-dir.ts';
import { findPackage, usableBinaries } from './embedded/binaries.ts';
import { builtinUtf8, ensureCluster } from './embedded/cluster.ts';
import { ensureDatabase } from './embedded/database.ts';
import { type LogFile, openLogFile } from './embedded/log-file.ts';
import { claim, type Ownership } from './embedded/ownership.ts';
import { readPidFile, removePidFile } from './embedded/pid-file.ts';
import {
  freePort,
  type Postmaster,
  type PostmasterOptions,
  startPostmaster,
  stopByForce,
} from './embedded/postmaster.ts';
import { isAlive, isPostmasterOf } from './embedded/processes.ts';
import { type Settings, ticketOfficeSettings } from './embedded/settings.ts';
import { chooseDatabaseUser, closedFolderOnTheWay, type DatabaseUser } from './embedded/user.ts';

type Log = {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
};

type EmbeddedPostgres = {
  /** URL of database `usher`, as its owner; valid until stop(), even if PostgreSQL restarts. */
  url: string;
  port: number;
  dataDir: string;
  stop(): Promise<void>;
};

const logMaxBytes = 5_000_000;
/** How long to wait for a PostgreSQL that starts or stops; a killed one lingers for some 2 s. */
const clearLimitMs = 60_000;
/** A young PostgreSQL whose lock is free will probably be locked by its starter soon. */
const youngMs = 2_000;
const pauseMs = 100;
const revivePauseMs = 1_000;

/**
 * Opens the embedded PostgreSQL: binaries from an npm package, data in `<dataDir>/postgres`, log in
 * `<dataDir>/postgres.log`, TCP on a free port of 127.0.0.1. It stops together with this process,
 * however that ends. Throws if another Usher uses the folder, or if the database's user cannot
 * reach it; leftovers of a kill -9 are cleaned up.
 */
export const openEmbeddedPostgres = async (options: {
  dataDir: string;
  log: Log;
  settings?: Settings;
}): Promise<EmbeddedPostgres> => {
  const { log } = options;
  const user = await chooseDatabaseUser([join(options.dataDir, 'postgres'), options.dataDir]);
  await requireReachable(options.dataDir, user);
  await prepareDataDir(options.dataDir, process.getuid?.() === 0);
  const dataDir = await realpath(options.dataDir);
  const clusterDir = join(dataDir, 'postgres');
  const binDir = await usableBinaries(await findPackage(), dataDir, user);
  const { password } = await ensureCluster({ clusterDir, binDir, user, locale: builtinUtf8 });
  const logFile = openLogFile(join(dataDir, 'postgres.log'), logMaxBytes);
  const settings = { ...ticketOfficeSettings, ...options.settings };
  const cluster = { clusterDir, binDir, user, settings, logFile, dataDir, log, password };
  try {
    const running = await start(cluster, null);
    const { port } = running.postmaster;
    await ensureDatabase(port, password).catch(async (error) => {
      await shut(running);
      throw error;
    });
    const stop = keep(cluster, running);
    const url = `postgres://usher:${password}@127.0.0.1:${port}/usher`;
    log.info({ dataDir, port }, 'PostgreSQL is ready');
    return { url, port, dataDir, stop };
  } catch (error) {
    logFile.close();
    throw error;
  }
};

type Cluster = PostmasterOptions & {
  dataDir: string;
  log: Log;
  password: string;
  logFile: LogFile;
};
type Running = { postmaster: Postmaster; ownership: Ownership };

const requireReachable = async (dataDir: string, user: DatabaseUser): Promise<void> => {
  const closed = await closedFolderOnTheWay(dataDir, user);
  if (closed === null) return;
  const who = user ? `the user that PostgreSQL runs as (uid ${user.uid})` : 'this user';
  throw new Error(
    `the data folder ${dataDir} cannot be used: ${who} may not enter ${closed}. ` +
      `Set USHER_DATA_DIR to a folder it can reach, such as /var/lib/usher, or open the way with ` +
      `"chmod o+x ${closed}"`,
  );
};

const start = async (cluster: Cluster, fixedPort: number | null): Promise<Running> => {
  const { clusterDir, password } = cluster;
  const deadlineMs = performance.now() + clearLimitMs;
  for (;;) {
    await clearTheWay(cluster, deadlineMs);
    const port = fixedPort ?? (await freePort());
    const started = await startPostmaster({ ...cluster, port });
    if (started.outcome === 'failed') {
      throw new Error(`PostgreSQL does not start on ${clusterDir}: ${started.why}`);
    }
    if (started.outcome === 'ready') {
      const { postmaster } = started;
      const claimed = await claim(port, password);
      if (claimed.outcome === 'owned') return { postmaster, ownership: claimed.ownership };
      await postmaster.stop();
      if (claimed.outcome === 'held') throw alreadyRunning(cluster, claimed.by);
    }
    if (performance.now() > deadlineMs) {
      throw new Error(`PostgreSQL does not start on ${clusterDir}: ${started.outcome}`);
    }
    await sleep(pauseMs);
  }
};

/** Returns when no PostgreSQL is alive on the data: an orphan is stopped, an owned one refused. */
const clearTheWay = async (cluster: Cluster, deadlineMs: number): Promise<void> => {
  const { clusterDir, log, password } = cluster;
  for (;;) {
    const file = await readPidFile(clusterDir);
    if (!file || !isAlive(file.pid)) return;
    const { pid } = file;
    if (!(await isPostmasterOf(pid, clusterDir))) return removePidFile(clusterDir, file);
    if (!isYoung(file.startedAtMs)) {
      const claimed = await claim(file.port, password);
      if (claimed.outcome === 'held') throw alreadyRunning(cluster, claimed.by);
      if (claimed.outcome === 'owned') {
        log.warn({ pid }, 'stopping an orphaned PostgreSQL that still owns the data directory');
        await stopByForce(pid, clusterDir);
        await claimed.ownership.release();
      }
    }
    if (performance.now() > deadlineMs) {
      throw new Error(`the PostgreSQL (process ${pid}) on ${clusterDir} neither serves nor stops`);
    }
    await sleep(pauseMs);
  }
};

const isYoung = (startedAtMs: number): boolean => {
  const ageMs = Date.now() - startedAtMs;
  return ageMs >= 0 && ageMs < youngMs;
};

const alreadyRunning = (cluster: Cluster, by: string): Error =>
  new Error(
    `the data folder ${cluster.dataDir} is in use by a running Usher (${by}): stop that one ` +
      'first, or set USHER_DATA_DIR to another folder',
  );

/**
 * Keeps the database locked and running: if PostgreSQL is killed it is restarted on its port, and
 * if only its connections broke (it restarts itself after a backend crashes) the lock is
 * re-acquired.
 */
const keep = (cluster: Cluster, first: Running): (() => Promise<void>) => {
  let running = first;
  let stopping: Promise<void> | null = null;

  const watch = async (): Promise<void> => {
    while (stopping === null) {
      await Promise.race([running.ownership.lost, running.postmaster.ended]);
      if (stopping === null) running = await regain(cluster, running.postmaster);
    }
  };

  const watching = watch().catch((error: unknown) => {
    cluster.log.warn({ err: error }, 'PostgreSQL could not be restarted; restart Usher');
  });

  /** Tried twice, because it may be restarting at this moment. */
  const stop = async (): Promise<void> => {
    await shut(running);
    await watching;
    await shut(running);
    cluster.logFile.close();
  };

  return () => {
    stopping ??= stop();
    return stopping;
  };
};

const shut = async ({ ownership, postmaster }: Running): Promise<void> => {
  await ownership.release();
  await postmaster.stop();
};

const regain = async (cluster: Cluster, postmaster: Postmaster): Promise<Running> => {
  const { log, password } = cluster;
  const { port } = postmaster;
  let why: string | null = null;
  void postmaster.ended.then((words) => {
    why = words;
  });
  for (;;) {
    await sleep(revivePauseMs);
    if (why !== null) {
      log.warn({ port, why }, 'PostgreSQL exited unexpectedly; restarting it');
      return start(cluster, port);
    }
    const claimed = await claim(port, password);
    if (claimed.outcome === 'held') throw alreadyRunning(cluster, claimed.by);
    if (claimed.outcome === 'owned') {
      log.warn({ port }, 'PostgreSQL dropped its connections; re-acquiring the lock');
      return { postmaster, ownership: claimed.ownership };
    }
  }
};
