import { type Breach, lineAt, type SourceFile } from './source.ts';

/** Each problem code has a page; problem+json names it as `type`. */
export const problemPages = (files: readonly SourceFile[]): Breach[] => {
  const pages = new Set(files.map(({ path }) => path));
  return problemCodes(files)
    .filter(({ code }) => !pages.has(`docs/problems/${code}.md`))
    .map(({ code, path, line }) => ({
      rule: 'problemPages',
      path,
      line,
      says: `docs/problems/${code}.md is missing`,
    }));
};

export const problemCodes = (
  files: readonly SourceFile[],
): { code: string; path: string; line: number }[] =>
  files
    .filter(({ path }) => /^contract\/src\/(?:[a-z]+-)?problems\.ts$/.test(path))
    .flatMap(({ path, code }) =>
      [...code.matchAll(/^\s*([A-Z][A-Z0-9_]+):\s*\{/gm)].map((match) => ({
        code: match[1] ?? '',
        path,
        line: lineAt(code, match.index + match[0].length),
      })),
    );

const publicRegistry = 'registry.npmjs.org';

/** A lock file written through a mirror would install from that mirror, or not at all. */
export const registryHosts = (files: readonly SourceFile[]): Breach[] => {
  const breaches: Breach[] = [];
  for (const { path, text } of files) {
    const isLock = path === 'package-lock.json';
    if (!isLock && !/(?:^|\/)\.npmrc$/.test(path)) continue;
    const address = isLock ? /"resolved":\s*"([^"]+)"/g : /registry\s*=\s*(\S+)/g;
    for (const match of text.matchAll(address)) {
      const host = /^[a-z+]+:\/\/(?:[^@/]*@)?([^/:]+)/.exec(match[1] ?? '')?.[1];
      if (host === undefined || host === publicRegistry) continue;
      const line = lineAt(text, match.index);
      breaches.push({ rule: 'registryHosts', path, line, says: `installs from ${host}` });
    }
  }
  return breaches;
};
