import { processPort } from './platform/process.ts';
import { keepTicksQuick } from './platform/ticks.ts';

keepTicksQuick();

const help = `usher: a ticket office for performances that sell out in minutes

  usher start [--services=a,b]   serve; without DATABASE_URL on an embedded database
  usher migrate                  bring the database up to this version
  usher seed                     fill an empty database with a believable demo
  usher stampede [options]       run a whole on-sale and check what came out of it (--help)
  usher room VERB SHOW           the operator's levers on a waiting room (--help)
  usher verify-fairness [opts]   make the draw of a waiting room again and compare (--help)
  usher check-config             say what the configuration is, or everything that is wrong with it
  usher docs                     write docs/openapi.json and docs/problems anew

Settings are environment variables; 'usher check-config' lists them.
Exit codes: 0 done, 1 failed, 2 wrong words on the command line, 3 promises broken (stampede),
or a draw that is not fair (verify-fairness),
4 and 5 nothing done because of how a waiting room stands (room).
`;

type Command = (argv: string[]) => Promise<number>;
/** Loaded when it is called: all of the server takes a second of CPU, a lever 0.3 s. */
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
    const isWording =
      error instanceof TypeError &&
      'code' in error &&
      String(error.code).startsWith('ERR_PARSE_ARGS');
    processPort.printError(`${error instanceof Error ? error.message : String(error)}\n`);
    processPort.exit(isWording ? 2 : 1);
  }
}
