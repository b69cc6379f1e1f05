import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';

export type LogFile = {
  write(text: string): void;
  /** The last lines written through this object, at most 4 kB: what an error message can show. */
  tail(): string;
  close(): void;
};

const TAIL_CHARS = 4096;

/**
 * Appends to `path`; past `maxBytes` it becomes `path.1` and a new one begins: at most twice that.
 * Writes are synchronous: PostgreSQL logs a few lines an hour here, and none may be lost at exit.
 */
export function openLogFile(path: string, maxBytes: number): LogFile {
  const open = () => openSync(path, 'a', 0o600);
  let file = open();
  let last = '';
  return {
    write(text) {
      last = (last + text).slice(-TAIL_CHARS);
      try {
        if (fstatSync(file).size > maxBytes) {
          closeSync(file);
          renameSync(path, `${path}.1`);
          file = open();
        }
        writeSync(file, text);
      } catch {
        // A full disk must not take the ticket office down for the sake of its log; `last` has it.
      }
    },
    tail: () => last.trim(),
    close: () => closeSync(file),
  };
}
