import { readdirSync, statSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { describe, expect, test } from 'vitest';
import { importsOf } from './tidy/imports.ts';
import { layerOf } from './tidy/layers.ts';
import { problemCodes } from './tidy/repository.ts';
import { figures, rules } from './tidy/rules.ts';
import { type Breach, isScript, readTree } from './tidy/source.ts';

const root = resolve(import.meta.dirname, '..');
const fixtures = join(import.meta.dirname, 'tidy/fixtures');
const tree = readTree(root);
const named = Object.entries(rules);
const warning = Object.entries(figures);
const all = [...named, ...warning];

const places = (breaches: readonly Breach[]): string[] =>
  [...new Set(breaches.map(({ path, line }) => `${path}:${line}`))].sort();

describe('the tidy rules', () => {
  // Raise these as the tree grows: a walk that misses a folder must not pass as clean.
  const seenAtLeast = {
    contract: 13,
    domain: 30,
    platform: 45,
    service: 90,
    composition: 10,
    browser: 4,
    demo: 15,
    stampede: 30,
    web: 1,
    sandbox: 25,
    free: 50,
    nowhere: 0,
  };

  test.each(Object.entries(seenAtLeast))('see in layer %s at least %i files', (kind, least) => {
    const seen = tree.filter(({ path }) => layerOf(path).kind === kind);
    expect(seen.length).toBeGreaterThanOrEqual(least);
  });

  test('see every script that a plain listing finds', () => {
    const listed = readdirSync(root)
      .filter((name) => !/^(?:node_modules|\.git|coverage|bench-results)$/.test(name))
      .flatMap((name) => pathsBelow(name))
      .filter((path) => isScript(path) && !/(?:^|\/)(?:node_modules|dist|fixtures)\//.test(path));
    const seen = tree.map(({ path }) => path).filter(isScript);
    expect(seen.sort()).toEqual(listed.sort());
  });

  test('find imports and problem codes in the files', () => {
    expect(importsOf(tree).length).toBeGreaterThan(100);
    expect(problemCodes(tree).length).toBeGreaterThan(30);
  });

  test('resolve every import to a file of the tree', () => {
    const paths = new Set(tree.map(({ path }) => path));
    const lost = importsOf(tree).filter(({ target }) => target !== null && !paths.has(target));
    expect(lost.map(({ from, line, specifier }) => `${from.path}:${line} ${specifier}`)).toEqual(
      [],
    );
    expect(problemCodes(tree).length).toBeGreaterThan(30);
  });
});

describe('on its planted breaches, and on nothing else, fires the rule', () => {
  test.each(all)('%s', (name, rule) => {
    const files = readTree(join(fixtures, name));
    const planted = files.flatMap(({ path, text }) =>
      text
        .split('\n')
        .flatMap((line, at) => (/\bbreach\b/.test(line) ? [`${path}:${at + 1}`] : [])),
    );
    expect(planted.length).toBeGreaterThan(0);
    expect(places(rule(files))).toEqual(planted.sort());
  });

  test('that each folder of planted breaches is named after', () => {
    expect(readdirSync(fixtures).sort()).toEqual(all.map(([name]) => name).sort());
  });
});

describe('the tree has no breach of', () => {
  test.each(named)('%s', (_name, rule) => {
    expect(rule(tree).map(({ path, line, says }) => `${path}:${line} ${says}`)).toEqual([]);
  });
});

describe('long files and functions of the tree are printed by', () => {
  test.each(warning)('%s', (name, rule) => {
    const long = rule(tree).map(({ path, line, says }) => `  ${path}:${line} ${says}`);
    console.warn([`${name}: one thing or two? (${long.length})`, ...long].join('\n'));
    expect(tree.length).toBeGreaterThan(500);
  });
});

const pathsBelow = (name: string): string[] => {
  if (!statSync(join(root, name)).isDirectory()) return [name];
  const below = readdirSync(join(root, name), { recursive: true, encoding: 'utf8' });
  return below.map((path) => `${name}/${path.replaceAll(sep, '/')}`);
};
