import { mkdir, writeFile } from 'node:fs/promises';
import { koreanProblems } from '@usher/contract/korean-problems.ts';
import { problemCodes, problems } from '@usher/contract/problems.ts';
import { allRoutes } from '@usher/contract/routes.ts';
import { openApiOf } from '../browser/pages.ts';
import { problemPage } from '../platform/http/problem-page.ts';
import { type Command, refuseWords } from './command.ts';

/**
 * What every problem says to people in Korean and English, for programs that show it: a browser
 * loads it from /assets/problems.json.
 */
const makeProblemWords = (): string => {
  const words = problemCodes.map((code) => {
    const { title, meaning, remedy } = problems[code];
    return [code, { ko: koreanProblems[code], en: { title, meaning, remedy } }];
  });
  return `${JSON.stringify(Object.fromEntries(words), null, 2)}\n`;
};

/** The documents generated from the contract: path below docs/ and text. */
export const madeDocs = (): Map<string, string> => {
  const docs = new Map<string, string>();
  docs.set('openapi.json', `${JSON.stringify(openApiOf(allRoutes), null, 2)}\n`);
  docs.set('../web/problems.json', makeProblemWords());
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
