import { importsOf } from './imports.ts';
import { type Breach, isScript, isTest, lineAt, type SourceFile } from './source.ts';

type Ban = {
  /** Matched against code without comments and string contents. */
  readonly pattern: RegExp;
  readonly instead: string;
  readonly inside: RegExp;
  readonly except?: RegExp;
};

const program = /^(?:domain|contract|server|stampede)\/src\//;
const platform = /^server\/src\/platform\//;

const anyOf = (...patterns: RegExp[]): RegExp =>
  new RegExp(patterns.map((pattern) => pattern.source).join('|'), 'g');

/** What code may not use, and what to use instead. */
const bans: readonly Ban[] = [
  {
    pattern: anyOf(
      /\bDate\.now\b/,
      /\bnew Date(?:\(\s*\)|(?!\w|\s*\())/,
      /(?<!new )\bDate\(/,
      /\bperformance\.now\b/,
      /\bhrtime\b/,
    ),
    instead: 'the injected clock (platform/clock.ts)',
    inside: program,
    // The embedded database waits for a system process, for which no clock can be injected.
    except: /^server\/src\/platform\/(?:clock\.ts|postgres\/embedded)/,
  },
  {
    pattern: anyOf(
      /\bMath\.random\b/,
      /\bcrypto\s*\.\s*(?:random\w+|getRandomValues)\b/,
      /\bimport\s*\{[^}]*\b(?:random(?:Bytes|Int|UUID|Fill|FillSync)|getRandomValues)\b[^}]*\}/,
    ),
    instead: 'the injected ids (platform/ids.ts)',
    inside: program,
    except: platform,
  },
  {
    pattern: anyOf(/\bset(?:Timeout|Interval|Immediate)\b/),
    instead: 'the injected clock: sleep, makeLoop',
    inside: program,
    except: platform,
  },
  {
    pattern: anyOf(/\bsetTimeout\b/, /\bretry\s*:/),
    instead: 'a condition with a deadline; a test neither sleeps nor retries',
    inside: /\.test\.tsx?$|^vitest\.config\.ts$/,
  },
  {
    pattern: anyOf(/\bprocess\s*(?:\??\.\s*env\b|\??\.?\[)/, /\benv\b[^;]*=\s*process\b/),
    instead: 'the injected configuration (platform/config)',
    inside: program,
    except: platform,
  },
  {
    pattern: anyOf(/\bconsole\s*(?:\.|\[)/),
    instead: 'the injected log',
    inside: /^(?:domain|contract|server|stampede|web)\/src\//,
    except: platform,
  },
  {
    pattern: anyOf(/\bas any\b/),
    instead: '`unknown` and a check',
    inside: /./,
  },
  {
    pattern: anyOf(
      /\.(?:only|skip)\s*\(/,
      /\b(?:describe|it|test|bench)(?:\.\w+)*\.(?:only|skip|todo|fails)\b/,
      /\b[xf](?:it|describe)\s*\(/,
    ),
    instead: 'a test that runs, or testNeeding',
    inside: /./,
    // Reports what the machine lacks, and fails if the whole stack is required.
    except: /^tests\/support\/stack\.ts$/,
  },
];

/** The same things under other module names. */
const bannedModules = /^node:(?:timers(?:\/promises)?|process|perf_hooks)$/;
/** Node's histogram, which reads no clock, is in the same module as the clock. */
const keepsHistograms = /^stampede\/src\/histogram(?:\.test)?\.ts$/;

export const bannedCode = (files: readonly SourceFile[]): Breach[] => {
  const breaches: Breach[] = [];
  const say = (path: string, line: number, says: string) =>
    breaches.push({ rule: 'bannedCode', path, line, says });
  for (const file of files.filter(({ path }) => isScript(path))) {
    for (const { pattern, instead, inside, except } of bans) {
      if (!inside.test(file.path) || except?.test(file.path)) continue;
      for (const match of file.code.matchAll(pattern)) {
        say(file.path, lineAt(file.code, match.index), `\`${match[0].trim()}\`: use ${instead}`);
      }
    }
  }
  for (const { from, line, specifier } of importsOf(files)) {
    if (specifier === 'node:perf_hooks' && keepsHistograms.test(from.path)) continue;
    const isInjected = program.test(from.path) && !platform.test(from.path);
    const isSleep = isTest(from.path) && specifier.startsWith('node:timers');
    if (isSleep || (isInjected && bannedModules.test(specifier))) {
      say(from.path, line, `${specifier}: use what platform injects`);
    }
  }
  return breaches;
};

/** Words that promise work instead of doing it. Anywhere in code, also in comments and texts. */
const forbiddenWords = ['TODO', 'FIXME', 'XXX'];
const wordsOf = new RegExp(`(?:\\b(?:${forbiddenWords.join('|')})|@ts-(?:ignore|nocheck))\\b`, 'g');

export const forbiddenText = (files: readonly SourceFile[]): Breach[] =>
  files
    .filter(({ path }) => isScript(path) || /\.(?:lua|sql|css|html|ya?ml|sh)$/.test(path))
    .filter(({ path }) => path !== 'server/tidy/bans.ts')
    .flatMap((file) =>
      [...file.text.matchAll(wordsOf)].map((match) => ({
        rule: 'forbiddenText',
        path: file.path,
        line: lineAt(file.text, match.index),
        says: `\`${match[0]}\`: do it, or open an issue`,
      })),
    );

const emptyCatch = anyOf(
  /\bcatch\s*(?:\([^)]*\)\s*)?\{\s*\}/,
  /\.catch\(\s*(?:async\s*)?(?:\([^)]*\)|\w+)\s*=>\s*(?:\{\s*\}|undefined|void 0)\s*,?\s*\)/,
);

/** Empty catch blocks; a comment inside that gives the reason is enough. */
export const swallowedErrors = (files: readonly SourceFile[]): Breach[] => {
  const breaches: Breach[] = [];
  for (const { path, code, text } of files.filter(({ path }) => isScript(path))) {
    for (const match of code.matchAll(emptyCatch)) {
      const written = text.slice(match.index, match.index + match[0].length);
      if (/\{\s*\/[/*]/.test(written)) continue;
      const line = lineAt(code, match.index);
      breaches.push({
        rule: 'swallowedErrors',
        path,
        line,
        says: 'say in a comment why the error may be ignored',
      });
    }
  }
  return breaches;
};
