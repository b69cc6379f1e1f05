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
  usher check-config             print the effective configuration, or all its errors
  usher docs                     regenerate docs/openapi.json and docs/problems

Settings are environment variables; 'usher check-config' lists them.
Exit codes: 0 done, 1 failed, 2 usage error, 3 a guarantee was broken (stampede) or a draw is not
fair (verify-fairness), 4 and 5 nothing done because of the state of the waiting room (room).
`;

type Command = (argv: string[]) => Promise<number>;
/** Each is loaded only when called: loading the whole server takes 1 s of CPU, a lever 0.3 s. */
const commands: Record<string, () => Promise<Command>> = {
  start: async () => (await import('./commands/start.ts')).start,
  migrate: async () => (await import('./commands/migrate.ts')).runMigrate,
  seed: async () => (await import('./commands/seed.ts')).runSeed,
  stampede: async () => (await import('./commands/stampede.ts')).runStampede,
  room: async () => (await import('./commands/room.ts')).runRoom,
  'verify-fairness': async () => (await import('./commands/verify-fairness.ts')).verifyFairness,
  'check-config': async () => (await import('./commands/check-config.ts')).checkConfig,
  docs: async () => (await import('./commands/docs.ts')).writeDocs,
};

const [name = 'help', ...argv] = processPort.argv;
const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
if (command === undefined) {
  const isHelp = name === 'help' || name === '--help' || name === '-h';
  if (!isHelp) processPort.printError(`there is no command '${name}'\n`);
  processPort.print(help);
  processPort.exit(isHelp ? 0 : 2);
} else {
  try {
    const run = await command();
    processPort.exit(await run(argv));
  } catch (error) {
    const isUsageError =
      error instanceof TypeError &&
      'code' in error &&
      String(error.code).startsWith('ERR_PARSE_ARGS');
    processPort.printError(`${error instanceof Error ? error.message : String(error)}\n`);
    processPort.exit(isUsageError ? 2 : 1);
  }
}
