import { describeConfig, readConfig, type Settings } from '../config.ts';
import { processPort } from '../platform/process.ts';
import { type Command, refuseWords } from './command.ts';

/** The configuration, or null after all errors were printed. */
export const configOrFaults = (
  overrides: Readonly<Record<string, string>> = {},
): Readonly<Settings> | null => {
  const result = readConfig({ ...processPort.env, ...overrides });
  if (result.ok) return result.config;
  processPort.printError('invalid configuration:\n');
  for (const fault of result.faults) processPort.printError(`  ${fault}\n`);
  return null;
};

const help = `usher check-config: print the effective configuration, or all its errors

Settings are environment variables; secrets and passwords are masked.
docs/operations/configuration.md explains each.

Exit codes: 0 the configuration is valid, 1 it is not, 2 usage error.
`;

const run = async (argv: string[]): Promise<number> => {
  refuseWords(argv);
  const config = configOrFaults();
  if (config === null) return 1;
  for (const line of describeConfig(config)) processPort.print(`${line}\n`);
  return 0;
};

export const checkConfigCommand: Command = { help, run };
