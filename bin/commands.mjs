import { inRoot, root } from './root.mjs';

const main = inRoot('server/src/main.ts');
const vitest = inRoot('node_modules/vitest/vitest.mjs');

/** `npm run` changes into the checkout; file names are relative to the caller's folder. */
const callersFolder = process.env.npm_lifecycle_event ? process.env.INIT_CWD : undefined;
const here = callersFolder ?? process.cwd();

const checks = {
  lint: {
    step: 'lint: format and rules',
    argv: [inRoot('node_modules/@biomejs/biome/bin/biome'), 'check', '.'],
  },
  types: {
    step: 'types',
    argv: [inRoot('node_modules/typescript/bin/tsc'), '--noEmit', '-p', '.'],
  },
  unit: {
    step: 'unit tests, including the tidy test and the fixtures of the lint rules',
    argv: [vitest, 'run', '--project', 'unit'],
  },
};

const commands = {
  start: (args) => [{ argv: [main, 'start', ...args], cwd: here }],
  usher: (args) => [{ argv: [main, ...args], cwd: here }],
  bench: (args) => [{ argv: [inRoot('tests/load/bench.ts'), ...args], cwd: here }],
  mutate: (args) => [{ argv: [inRoot('tests/mutate/mutate.ts'), ...args], cwd: root }],
  memory: (args) => [{ argv: [inRoot('tests/load/memory.ts'), ...args], cwd: here }],
  test: (args) => [{ argv: [vitest, 'run', ...args], cwd: root }],
  check(args) {
    const unknown = args.filter((name) => !Object.hasOwn(checks, name));
    if (unknown.length > 0) {
      throw new Error(`no such check: ${unknown.join(', ')}; there are ${Object.keys(checks)}`);
    }
    const names = args.length > 0 ? args : Object.keys(checks);
    return names.map((name) => ({ ...checks[name], cwd: root }));
  },
};

export const availableCommands = Object.keys(commands);

/** What to run for a command, in order: argument lists for Node 24. */
export const programsOf = (command, args) => commands[command](args);
