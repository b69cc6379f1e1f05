import { mkdir, writeFile } from 'node:fs/promises';
import { problemCodes } from '@usher/contract/problems.ts';
import { allRoutes } from '@usher/contract/routes.ts';
import { openApiOf } from '../browser/pages.ts';
import { problemPage } from '../platform/http/problem-page.ts';
import { type Command, refuseWords } from './command.ts';

/** The documents generated from the contract: path below docs/ and text. */
export const madeDocs = (): Map<string, string> => {
  const docs = new Map<string, string>();
  docs.set('openapi.json', `${JSON.stringify(openApiOf(allRoutes), null, 2)}\n`);
  for (const code of problemCodes) docs.set(`problems/${code}.md`, problemPage(code, allRoutes));
  return docs;
};

const help = `usher docs: regenerate docs/openapi.json and docs/problems from the contract

Exit codes: 0 done, 1 failed, 2 usage error.
`;

const run = async (argv: string[]): Promise<number> => {
  refuseWords(argv);
  const dir = new URL('../../../docs/', import.meta.url);
  await mkdir(new URL('problems/', dir), { recursive: true });
  for (const [name, text] of madeDocs()) await writeFile(new URL(name, dir), text);
  return 0;
};

export const docsCommand: Command = { help, run };
