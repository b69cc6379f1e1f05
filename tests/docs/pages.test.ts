import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const skipped = /^(?:node_modules|\.git|fixtures|coverage|bench-results|\.usher)$/;

const pagesBelow = (folder: string): string[] =>
  readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return skipped.test(entry.name) ? [] : pagesBelow(path);
    return entry.name.endsWith('.md') ? [path] : [];
  });
const foldersIn = (folder: string): string[] =>
  readdirSync(join(root, folder)).filter(
    (name) => !skipped.test(name) && statSync(join(root, folder, name)).isDirectory(),
  );
const isEmpty = (folder: string): boolean => readdirSync(join(root, folder)).length === 0;

/** Anchors as GitHub makes them from headings. */
const anchorsOf = (markdown: string): Set<string> =>
  new Set(
    [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );

/** Broken links of a page into the repository. */
const brokenLinks = (page: string, markdown: string): string[] =>
  [...markdown.replace(/^```.*?^```$/gms, '').matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g)]
    .map(([, link = '']) => link)
    // A URL of the running program.
    .filter((link) => !link.startsWith('/'))
    .filter((link) => {
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? join(root, page) : join(root, dirname(page), path);
      if (!existsSync(target)) return true;
      return anchor !== undefined && !anchorsOf(readFileSync(target, 'utf8')).has(anchor);
    })
    .map((link) => `${page}: ${link}`);

describe('the pages of the repository', () => {
  const pages = pagesBelow('.');

  test('have no broken links', () => {
    expect(pages.length).toBeGreaterThan(15);
    const broken = pages.flatMap((page) =>
      brokenLinks(page, readFileSync(join(root, page), 'utf8')),
    );
    expect(broken).toEqual([]);
  });

  test('would be caught with a broken link', () => {
    const text = '[a](nowhere.md) [b](README.md#no-such-heading) [c](README.md#usher)';
    expect(brokenLinks('x.md', text)).toHaveLength(2);
  });
});

describe('docs/ARCHITECTURE.md', () => {
  const text = readFileSync(join(root, 'docs/ARCHITECTURE.md'), 'utf8');
  const unnamed = (folders: readonly string[], page: string): string[] =>
    folders.filter((name) => !new RegExp(`\\b${name}\\b`).test(page));

  test('names every main folder and every service', () => {
    const top = foldersIn('.').filter((name) => !name.startsWith('.') && !isEmpty(name));
    const inner = ['server', 'server/src', 'docs', 'tests'].flatMap((folder) =>
      foldersIn(folder).filter((name) => !isEmpty(join(folder, name))),
    );
    const services = foldersIn('server/src/services');
    expect(Math.min(top.length, services.length)).toBeGreaterThan(6);
    expect(unnamed([...top, ...inner, ...services], text)).toEqual([]);
  });

  test('has a row for every service', () => {
    const rows = [...text.matchAll(/^\| ([a-z-]+) \| [^|]+ \| [^|]+ \|$/gm)].map(
      ([, name]) => name,
    );
    expect(rows).toEqual(expect.arrayContaining(foldersIn('server/src/services')));
  });

  test('would be caught with a folder missing', () => {
    expect(unnamed(['ranking'], text.replaceAll('ranking', 'x'))).toEqual(['ranking']);
  });
});

describe('docs/decisions', () => {
  test('are numbered without a gap and have the parts of the template', () => {
    const names = readdirSync(join(root, 'docs/decisions')).sort();
    expect(names.map((name) => Number(name.slice(0, 4)))).toEqual(names.map((_, at) => at));
    const headings = (name: string) =>
      readFileSync(join(root, 'docs/decisions', name), 'utf8').match(/^## .+$/gm);
    const [template = '', ...decisions] = names;
    for (const name of decisions) expect(headings(name)).toEqual(headings(template));
  });
});
