#!/usr/bin/env node
// The entry point of every command (package.json). Plain JavaScript for Node 20 or later: it
// installs what is missing, finds Node 24, runs the real program with it and waits for its end.
import { availableCommands, programsOf } from './commands.mjs';
import { chooseNode, ensureInstalled } from './install.mjs';
import { run } from './run.mjs';

/** `npm test` always ends with this line; if the tests cannot print it, the launcher does. */
const nothingRan = '\n0 passed, 1 failed, 0 skipped';

const [command = '', ...args] = process.argv.slice(2);

async function main() {
  if (!availableCommands.includes(command)) {
    console.error(`usage: node bin/launch.mjs ${availableCommands.join(' | ')} [arguments]`);
    return 2;
  }
  await ensureInstalled();
  const node = chooseNode();
  for (const { step, argv, cwd } of programsOf(command, args)) {
    if (step) console.log(`\n— ${step}`);
    const { code, saidLastLine } = await run(node, argv, { cwd });
    if (command === 'test' && code !== 0 && !saidLastLine) console.log(nothingRan);
    if (code !== 0) return code;
  }
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`usher: ${error instanceof Error ? error.message : error}`);
  if (command === 'test') console.log(nothingRan);
  process.exitCode = 1;
}
