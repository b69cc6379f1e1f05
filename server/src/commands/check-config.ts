import { describeConfig, readConfig, type Settings } from '../config.ts';
import { processPort } from '../platform/process.ts';

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

export const checkConfig = async (): Promise<number> => {
  const config = configOrFaults();
  if (config === null) return 1;
  for (const line of describeConfig(config)) processPort.print(`${line}\n`);
  return 0;
};
