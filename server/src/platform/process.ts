import { onParentGone } from './parent-watch.ts';

/** The environment of the program: its arguments, variables, output, signals and exit. */
export const processPort = {
  argv: process.argv.slice(2),
  env: process.env as Readonly<Record<string, string | undefined>>,
  isRoot: process.getuid?.() === 0,
  isTerminal: process.stdout.isTTY === true,
  pid: process.pid,
  execPath: process.execPath,
  print: (text: string): void => void process.stdout.write(text),
  printError: (text: string): void => void process.stderr.write(text),
  /** All of the standard input. */
  readInput: async (): Promise<string> => {
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString();
  },
  exit: (code: number): never => process.exit(code),
  /** Once for the first of: TERM, INT, the launcher's death. A second INT ends at once. */
  onEnd: (end: (why: string) => void): void => {
    let isEnding = false;
    const once = (why: string): void => {
      if (isEnding) {
        if (why === 'SIGINT') process.exit(130);
        return;
      }
      isEnding = true;
      end(why);
    };
    process.on('SIGTERM', () => once('SIGTERM'));
    process.on('SIGINT', () => once('SIGINT'));
    onParentGone(() => once('the launcher is gone'));
  },
  /**
   * An uncaught error is a bug: it is logged, the process exits, and its supervisor restarts it.
   */
  onBug: (report: (error: unknown) => void): void => {
    const fatal = (error: unknown): void => {
      report(error);
      process.exit(70);
    };
    process.on('uncaughtException', fatal);
    process.on('unhandledRejection', fatal);
  },
};
