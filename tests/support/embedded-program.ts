// A program that opens the embedded PostgreSQL on the folder of its first argument, says so in a
// line of JSON, and closes it at the end of its input. Tests kill it in all ways.
import { once } from 'node:events';
import { openEmbeddedPostgres } from '../../server/src/platform/postgres/embedded.ts';

const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);
const log = {
  info: () => {},
  warn: (_fields: object, warning: string) => say({ warning }),
};

try {
  const dataDir = process.argv[2] ?? '';
  const { url, port, stop } = await openEmbeddedPostgres({ dataDir, log });
  say({ url, port });
  process.stdin.resume();
  await once(process.stdin, 'end');
  await stop();
} catch (error) {
  say({ refused: String(error) });
  process.exitCode = 1;
}
