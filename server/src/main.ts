import { readFile } from 'node:fs/promises';
import {
  type Command,
  describeUsageError,
  isAskingForHelp,
  suggestWord,
} from './commands/command.ts';
import { processPort } from './platform/process.ts';
import { keepTicksQuick } from './platform/ticks.ts';

keepTicksQuick();

const help = `usher: a ticket office for performances that sell out in minutes

  usher start [--services=a,b]   run the server; without DATABASE_URL on an embedded database
  usher migrate                  migrate the database to this version
  usher seed                     load the demo into an empty database
  usher stampede [options]       simulate a whole sale and check the result (--help)
  usher room VERB SHOW           an operator's levers on a waiting room (--help)
  usher verify-fairness [opts]   re-run a waiting room's draw and compare (--help)
  usher account VERB             make an account, set its role, end sessions (--help)
  usher check-config             print the effective configuration, or all its errors
  usher docs                     regenerate docs/openapi.json and docs/problems
  usher --version                print the version

'usher COMMAND --help' explains a command and does nothing else.

Settings are environment variables; 'usher check-config' lists them.
Exit codes: 0 done, 1 failed, 2 usage error, 3 a guarantee was broken (stampede) or a draw is not
fair (verify-fairness), 4 and 5 nothing done because of the state of the waiting room (room).
`;

/** Each is loaded only when called: loading the whole server takes 1 s of CPU, a lever 0.3 s. */
const commands: Record<string, () => Promise<Command>> = {
  start: async () => (await import('./commands/start.ts')).startCommand,
  migrate: async () => (await import('./commands/migrate.ts')).migrateCommand,
  seed: async () => (await import('./commands/seed.ts')).seedCommand,
  stampede: async () => (await import('./commands/stampede.ts')).stampedeCommand,
  room: async () => (await import('./commands/room.ts')).roomCommand,
  'verify-fairness': async () =>
    (await import('./commands/verify-fairness.ts')).verifyFairnessCommand,
  account: async () => (await import('./commands/account.ts')).accountCommand,
  'check-config': async () => (await import('./commands/check-config.ts')).checkConfigCommand,
  docs: async () => (await import('./commands/docs.ts')).docsCommand,
};

const printVersion = async (): Promise<number> => {
  const file = await readFile(new URL('../package.json', import.meta.url), 'utf8');
  const { version } = JSON.parse(file) as { version: string };
  processPort.print(`usher ${version}\n`);
  return 0;
};

const runCommand = async (name: string, argv: string[]): Promise<number> => {
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (load === undefined) {
    const suggestion = suggestWord(name, Object.keys(commands));
    processPort.printError(`there is no command '${name}'${suggestion}\nsee usher --help\n`);
    return 2;
  }
  const command = await load();
  if (isAskingForHelp(argv)) {
    processPort.print(command.help);
    return 0;
  }
  try {
    return await command.run(argv);
  } catch (error) {
    const usage = describeUsageError(error, { name, help: command.help, argv });
    const failure = error instanceof Error ? error.message : String(error);
    processPort.printError(`${usage ?? failure}\n`);
    return usage === null ? 1 : 2;
  }
};

const run = async ([name = 'help', ...argv]: string[]): Promise<number> => {
  if (name === '--version' || name === 'version') return printVersion();
  if (name !== 'help' && name !== '--help' && name !== '-h') return runCommand(name, argv);
  const [subject] = argv;
  if (name === 'help' && subject !== undefined) return runCommand(subject, ['--help']);
  processPort.print(help);
  return 0;
};

processPort.exit(await run(processPort.argv));
