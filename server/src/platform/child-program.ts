import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Another program of this repository as a child process; it ends when we end, for any reason. */
export type ChildProgram = {
  /** The JSON object on its first line of output, which reports that it is ready. */
  readonly ready: Record<string, unknown>;
  readonly process: ChildProcess;
  stop(): Promise<void>;
};

/** A child that has not exited this long after TERM is killed. */
const stopMaxMs = 5000;
const readyMaxMs = 20_000;

export const openChildProgram = async (
  script: URL,
  args: readonly string[],
  options: { env?: Record<string, string> } = {},
): Promise<ChildProgram> => {
  const child = spawn(process.execPath, [fileURLToPath(script), ...args], {
    // Its standard input is our pipe: the kernel closes it when we exit.
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...options.env },
    // Ctrl-C in the terminal reaches only us; we stop the child when we have drained.
    detached: true,
  });
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    const timer = setTimeout(() => child.kill('SIGKILL'), stopMaxMs);
    child.kill('SIGTERM');
    await ended;
    clearTimeout(timer);
  };
  const lines = createInterface({ input: child.stdout });
  const deadline = setTimeout(() => child.kill('SIGKILL'), readyMaxMs);
  try {
    const first = await Promise.race([
      once(lines, 'line').then(([line]) => String(line)),
      once(child, 'exit').then(([code]) => {
        throw new Error(`${fileURLToPath(script)} exited with code ${code} before it was ready`);
      }),
    ]);
    return { ready: JSON.parse(first) as Record<string, unknown>, process: child, stop };
  } catch (error) {
    await stop();
    throw error;
  } finally {
    clearTimeout(deadline);
    lines.on('line', () => undefined);
  }
};
