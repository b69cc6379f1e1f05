import { describe, test } from 'vitest';
import { type PartName, stackPart } from './stack-parts.ts';

export { stackPart } from './stack-parts.ts';

/**
 * A test that needs a part of the stack which a machine may lack (`pdftoppm`, …). Without the part
 * it is reported as skipped, by name; with REQUIRE_STACK=1 it fails.
 */
export const testNeeding = (
  part: PartName,
  title: string,
  run: () => void | Promise<void>,
): void => {
  const { available, how } = stackPart(part);
  const name = `${title} (needs ${part})`;
  if (available) test(name, run);
  else if (isRequired()) test(name, () => failFor(part, how));
  // biome-ignore lint/suspicious/noSkippedTests: what a machine lacks is skipped, by name
  else test.skip(name, run);
};

/** The same for a group, whose hooks must not run without the part either. */
export const describeNeeding = (part: PartName, title: string, body: () => void): void => {
  const { available, how } = stackPart(part);
  const name = `${title} (needs ${part})`;
  if (available) describe(name, body);
  else if (isRequired()) describe(name, () => test('has its part', () => failFor(part, how)));
  // biome-ignore lint/suspicious/noSkippedTests: what a machine lacks is skipped, by name
  else describe.skip(name, body);
};

const isRequired = (): boolean => process.env['REQUIRE_STACK'] === '1';

const failFor = (part: string, how: string): never => {
  throw new Error(`${part} is missing and REQUIRE_STACK is set: ${how}`);
};
