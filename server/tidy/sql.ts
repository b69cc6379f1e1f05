import { type Breach, lineAt, type SourceFile } from './source.ts';

const functionFile =
  /^server\/src\/(?:services\/([^/]+)|platform\/journal)\/sql\/([a-z0-9-]+)\.sql$/;
const creating = /\bcreate\s+(?:or\s+replace\s+)?(?:function|procedure)\s+([\w.]+)/gi;

/**
 * `payments/sql/mark-unknown.sql` creates `payments.mark_unknown` and nothing else, so that the
 * name leads to the file. Its header says what it locks and who calls it.
 */
export const sqlFunctions = (files: readonly SourceFile[]): Breach[] =>
  files.flatMap(functionBreaches);

const functionBreaches = ({ path, text, code }: SourceFile): Breach[] => {
  const [isFunction, service, file] = functionFile.exec(path) ?? [];
  if (isFunction === undefined || file === undefined) return [];
  const name = `${(service ?? 'platform').replaceAll('-', '_')}.${file.replaceAll('-', '_')}`;
  const breaches: Breach[] = [];
  const say = (line: number, says: string): void => {
    breaches.push({ rule: 'sqlFunctions', path, line, says });
  };

  const created = [...code.matchAll(creating)];
  if (created.length === 0) say(1, `creates no function; it should create ${name}`);
  for (const [index, match] of created.entries()) {
    const line = lineAt(code, match.index);
    if (index > 0) say(line, 'creates a second function: each has a file of its own');
    else if (match[1] !== name) say(line, `creates ${match[1]}; the name of the file is ${name}`);
  }
  const header = /^(?:--[^\n]*\n)*/.exec(text)?.[0] ?? '';
  for (const part of ['Locks', 'Called by'])
    if (!new RegExp(`^-- ${part}: \\S`, 'm').test(header)) say(1, `the header has no "${part}:"`);
  return breaches;
};
