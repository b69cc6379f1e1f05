import { createHash } from 'node:crypto';
import { closeSync, constants, mkdirSync, openSync, realpathSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const pollMs = 200;

/**
 * Waits for a lock on a folder. The kernel releases the lock when the last process that has its
 * file `fd` open exits, so no crash leaves it behind. `onWait` is called once if it has to wait.
 */
export async function takeLock(folder, onWait) {
  const tryOnce = process.platform === 'linux' ? trySocket : tryFile;
  let lock = await tryOnce(folder);
  if (lock === null) onWait();
  while (lock === null) {
    await sleep(pollMs);
    lock = await tryOnce(folder);
  }
  return lock;
}

/**
 * Linux: a socket in the abstract namespace, where a name exists as long as it is open. The name
 * uses all 108 bytes of an address: Node 20 pads shorter names with zeros, Node 24 does not.
 */
function trySocket(folder) {
  const digest = createHash('sha256').update(realpathSync(folder)).digest('hex');
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      if (error.code === 'EADDRINUSE') resolve(null);
      else reject(error);
    });
    server.listen(`\0usher-install-${digest}`.padEnd(108, '-'), () => {
      resolve({ fd: server._handle.fd, release: () => server.close() });
    });
  });
}

/** macOS: O_EXLOCK, which Node has no constant for; O_NONBLOCK makes a held lock an error. */
async function tryFile(folder) {
  const exclusiveLock = 0x20;
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NONBLOCK | exclusiveLock;
  mkdirSync(join(folder, '.usher'), { recursive: true });
  try {
    const fd = openSync(join(folder, '.usher/install.lock'), flags, 0o600);
    return { fd, release: () => closeSync(fd) };
  } catch (error) {
    if (error.code === 'EAGAIN') return null;
    throw error;
  }
}
