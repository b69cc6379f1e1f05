import { maskLuaComments } from './mask.ts';
import { type Breach, lineAt, type SourceFile } from './source.ts';

/**
 * A script begins with its contract: what it does, each KEYS[n], each ARGV[n] (or `ARGV none`),
 * what it returns. Every key it touches comes from KEYS: a Redis Cluster finds the slot by them,
 * and refuses or misplaces undeclared keys.
 */
export const luaContracts = (files: readonly SourceFile[]): Breach[] =>
  files.filter(({ path }) => path.endsWith('.lua')).flatMap(luaBreaches);

const luaBreaches = ({ path, text }: SourceFile): Breach[] => {
  const breaches: Breach[] = [];
  const say = (line: number, says: string) =>
    breaches.push({ rule: 'luaContracts', path, line, says });
  const header = /^(?:--[^\n]*\n)*/.exec(text)?.[0] ?? '';
  const code = maskLuaComments(text);

  if (!/^--\s*\w\S*(?:\s+\S+){3}/.test(header)) say(1, 'begins with what the script does');
  if (!/^--\s*returns\b/im.test(header)) say(1, 'the header says what the script returns');
  for (const kind of ['KEYS', 'ARGV'] as const) {
    const declared = declaredIn(header, kind);
    if (declared === null) say(1, `the header declares ${kind} (or \`${kind} none\`)`);
    else for (const fault of mismatches(kind, declared, usesOf(code, kind))) say(...fault);
  }
  for (const fault of undeclaredKeys(code)) say(fault.line, fault.says);
  return breaches;
};

/** `-- KEYS[1] the room` declares one; `-- ARGV[2..] the people` declares 2 and all that follow. */
type Declared = { indexes: Set<number>; openFrom: number | null };
/** `index` is null if it is computed, or if the whole array is used. */
type Use = { index: number | null; line: number };

const declaredIn = (header: string, kind: 'KEYS' | 'ARGV'): Declared | null => {
  if (new RegExp(`^--\\s*${kind}\\s+none\\b`, 'm').test(header)) {
    return { indexes: new Set(), openFrom: null };
  }
  const lines = [
    ...header.matchAll(new RegExp(`^--\\s*${kind}\\[(\\d+)(\\.\\.)?\\]\\s+\\S`, 'gm')),
  ];
  if (lines.length === 0) return null;
  const open = lines.find((match) => match[2] !== undefined);
  const fixed = lines.filter((match) => match[2] === undefined);
  return {
    indexes: new Set(fixed.map((match) => Number(match[1]))),
    openFrom: open === undefined ? null : Number(open[1]),
  };
};

const usesOf = (code: string, kind: 'KEYS' | 'ARGV'): Use[] =>
  [...code.matchAll(new RegExp(`\\b${kind}\\b(?:\\[\\s*(\\d+)\\s*\\])?`, 'g'))].map((match) => ({
    index: match[1] === undefined ? null : Number(match[1]),
    line: lineAt(code, match.index),
  }));

const mismatches = (kind: string, declared: Declared, uses: readonly Use[]): [number, string][] => {
  const { indexes, openFrom } = declared;
  const isDeclared = (index: number | null) =>
    index === null
      ? openFrom !== null
      : indexes.has(index) || (openFrom !== null && index >= openFrom);
  const surprises = uses
    .filter(({ index }) => !isDeclared(index))
    .map(({ index, line }): [number, string] => [
      line,
      `${kind}[${index ?? 'n..'}] is used and not declared`,
    ]);
  const idle = [...indexes]
    .filter((index) => !uses.some((use) => use.index === index))
    .map((index): [number, string] => [1, `${kind}[${index}] is declared and not used`]);
  return [...surprises, ...idle];
};

const calls = /\bredis\.p?call\(\s*(['"])(\w+)\1\s*(?:,\s*([^,)\n]+(?:\([^)]*\))?))?/g;
const withoutKey = new Set(['TIME', 'INFO', 'PUBLISH', 'SPUBLISH', 'PING', 'ECHO']);
const unbounded = new Set(['KEYS', 'SCAN', 'HGETALL', 'SMEMBERS', 'FLUSHALL', 'FLUSHDB']);

const undeclaredKeys = (code: string): { line: number; says: string }[] => {
  const aliases = [...code.matchAll(/\blocal\s+(\w+)\s*=\s*KEYS\[/g)].map((match) => match[1]);
  return [...code.matchAll(calls)].flatMap((match) => {
    const command = (match[2] ?? '').toUpperCase();
    const line = lineAt(code, match.index);
    if (unbounded.has(command)) return [{ line, says: `${command} has no limit` }];
    const key = (match[3] ?? '').trim();
    const isDeclared = /^KEYS\[[^\]]+\]$/.test(key) || aliases.includes(key);
    if (withoutKey.has(command) || isDeclared) return [];
    return [{ line, says: `${command} on \`${key}\`, which is not one of KEYS` }];
  });
};
