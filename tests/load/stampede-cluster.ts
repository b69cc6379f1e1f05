import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { startRedisCluster } from '../support/redis-cluster.ts';
import { makeScratchFolder } from '../support/scratch.ts';
import { killInTheMiddle } from './failover.ts';

/**
 * `node tests/load/stampede-cluster.ts [options of usher stampede]`: the stampede on a
 * temporary Redis Cluster on 127.0.0.1, three primaries and three replicas. During the run the
 * primary that keeps the room is killed with -9. Exit codes as the stampede's; 3 also when no
 * failover was seen.
 */
const program = fileURLToPath(new URL('../../server/src/main.ts', import.meta.url));
const say = (line: string): void => void process.stderr.write(`${line}\n`);

const folder = await makeScratchFolder();
const cluster = await startRedisCluster(folder);
say(`  a Redis Cluster: ${cluster.url}`);
try {
  const words = ['stampede', ...process.argv.slice(2), '--redis', cluster.url, '--json'];
  // The channel closes when we end.
  const stdio = ['ignore', 'pipe', 'pipe', 'ipc'] as const;
  const child = spawn(process.execPath, [program, ...words], { stdio: [...stdio] });
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error('its output is a pipe');
  let printed = '';
  stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  stderr.setEncoding('utf8').pipe(process.stderr);
  const ended = once(child, 'close');
  await killInTheMiddle(cluster, stderr, say);
  const [code] = await ended;
  process.stdout.write(printed);
  const report = JSON.parse(printed.trimEnd().split('\n').at(-1) ?? '{}');
  const { epochs, placesChanged, aboveCap, inversions, duplicates, doubleSold } = report;
  say(
    `  ${JSON.stringify({ epochs, placesChanged, aboveCap, inversions, duplicates, doubleSold })}`,
  );
  process.exitCode = code === 0 && epochs < 2 ? 3 : (code ?? 1);
} finally {
  await cluster.stop();
  rmSync(folder, { recursive: true, force: true });
}
