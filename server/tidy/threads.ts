import { type Breach, isScript, lineAt, type SourceFile } from './source.ts';

const threads = /\b(?:makeThread|nameTask)\b[^;'"`]*\bimport\.meta\.url,\s*(['"`])(\w+)\1/g;

/**
 * A thread finds its function by name among what the module exports. No other file imports it, so
 * nothing else notices when the export is taken away.
 */
export const threadFunctions = (files: readonly SourceFile[]): Breach[] =>
  files
    .filter(({ path }) => isScript(path))
    .flatMap(({ path, text }) =>
      [...text.matchAll(threads)]
        .filter(([, , name]) => !new RegExp(`^export const ${name}\\b`, 'm').test(text))
        .map((match) => ({
          rule: 'threadFunctions',
          path,
          line: lineAt(text, match.index),
          says: `${match[2]} runs in a thread and must be exported`,
        })),
    );
