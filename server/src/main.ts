import { checkConfig } from './commands/check-config.ts';
import { writeDocs } from './commands/docs.ts';
import { runMigrate } from './commands/migrate.ts';
import { runRoom } from './commands/room.ts';
import { runSeed } from './commands/seed.ts';
import { runStampede } from './commands/stampede.ts';
import { start } from './commands/start.ts';
import { verifyFairness } from './commands/verify-fairness.ts';
import { processPort } from './platform/process.ts';

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

const commands: Record<string, (argv: string[]) => Promise<number>> = {
  start,
  migrate: runMigrate,
  room: runRoom,
  seed: runSeed,
  stampede: runStampede,
  'verify-fairness': verifyFairness,
  'check-config': checkConfig,
  docs: writeDocs,
};

const [name = 'help', ...argv] = processPort.argv;
const command = commands[name];
if (command === undefined) {
  const isHelp = name === 'help' || name === '--help' || name === '-h';
  if (!isHelp) processPort.printError(`there is no command '${name}'\n`);
  processPort.print(help);
  processPort.exit(isHelp ? 0 : 2);
} else {
  try {
    processPort.exit(await command(argv));
  } catch (error) {
    const isWording =
      error instanceof TypeError &&
      'code' in error &&
      String(error.code).startsWith('ERR_PARSE_ARGS');
    processPort.printError(`${error instanceof Error ? error.message : String(error)}\n`);
    processPort.exit(isWording ? 2 : 1);
  }
}
