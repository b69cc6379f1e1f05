import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';

export type LogFile = {
  write(text: string): void;
  /** The last lines written through this object, at most 4 kB, for error messages. */
  tail(): string;
  close(): void;
};

const tailChars = 4096;

/**
 * Appends to `path`; above `maxBytes` the file is renamed to `path.1` and a new one begins, so both
 * take at most twice that. Writes are synchronous: PostgreSQL logs a few lines per hour here, and
 * none may be lost at exit.
 */
export const openLogFile = (path: string, maxBytes: number): LogFile => {
  const open = () => openSync(path, 'a', 0o600);
  let file = open();
  let last = '';
  return {
    write(text) {
      last = (last + text).slice(-tailChars);
      try {
        if (fstatSync(file).size > maxBytes) {
          closeSync(file);
          renameSync(path, `${path}.1`);
          file = open();
        }
        writeSync(file, text);
      } catch {
        // A full disk must not take the ticket office down because of its log; `last` has the
        // lines.
      }
    },
    tail: () => last.trim(),
    close: () => closeSync(file),
  };
};
