import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { findSaturation, runAtRate } from './open-loop.ts';
import { makeRawClient } from './raw-http.ts';
import { connectionsUsual } from './test-server.ts';

const program = fileURLToPath(new URL('bare-server.ts', import.meta.url));

/** Requests a second that a bare node:http server sustains under the same generator. */
export const measureBare = async (seconds: number): Promise<{ perS: number; p99Ms: number }> => {
  const child = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    const [line] = await once(createInterface({ input: child.stdout }), 'line');
    const client = makeRawClient(JSON.parse(String(line)).listening, connectionsUsual);
    const op = async () => {
      const { status } = await client.send('GET', '/', '', null);
      return status === 200
        ? ({ kind: 'done' } as const)
        : ({ kind: 'error', reason: `status ${status}` } as const);
    };
    await runAtRate({ perS: 2000, seconds: 2, op });
    const tryRate = (perS: number) => runAtRate({ perS, seconds, op });
    const { bestPerS } = await findSaturation({ fromPerS: 4000, toPerS: 128_000, tryRate });
    const load = await runAtRate({ perS: Math.max(1000, bestPerS), seconds, op });
    client.close();
    return { perS: load.donePerS, p99Ms: load.latency.quantileMs(0.99) };
  } finally {
    child.stdin.end();
    if (child.exitCode === null) await once(child, 'exit');
  }
};
