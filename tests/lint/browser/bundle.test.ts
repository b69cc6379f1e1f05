import { readdirSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join, resolve } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import { build, type Plugin } from 'vite';
import { describe, expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../../..');
const fixtures = join(import.meta.dirname, 'fixtures');
const builtins = new Set(builtinModules);

const modulesOf = (workspace: string): string[] =>
  readdirSync(join(root, workspace, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !/\.(?:test|bench)\.ts$/.test(name))
    .map((name) => join(root, workspace, 'src', name));

/** Bundles modules for a browser; returns the script, and what it needs from Node. */
const bundleForBrowser = async (paths: readonly string[]) => {
  const asked: string[] = [];
  const entry = paths
    .map((path, at) => `export * as module${at} from ${JSON.stringify(path)};`)
    .join('\n');
  const watch: Plugin = {
    name: 'what is asked of Node',
    enforce: 'pre',
    resolveId: (source, importer) => {
      if (source === 'virtual:all') return '\0all';
      if (source.startsWith('node:') || builtins.has(source))
        asked.push(`${importer?.slice(root.length + 1)}: ${source}`);
      return null;
    },
    load: (id) => (id === '\0all' ? entry : null),
  };
  const built = await build({
    configFile: false,
    envFile: false,
    logLevel: 'silent',
    plugins: [watch],
    build: {
      write: false,
      minify: false,
      rolldownOptions: {
        input: 'virtual:all',
        output: { format: 'iife', name: 'bundle' },
        preserveEntrySignatures: 'strict',
      },
    },
  });
  const [output] = Array.isArray(built) ? built : [built];
  if (output === undefined || !('output' in output)) throw new Error('nothing was built');
  return { asked, script: output.output[0].code };
};

/** Runs a script with a browser's globals and none of Node's. */
const runAsBrowser = (script: string, then: string): unknown => {
  const browser = { AbortController, Headers, TextDecoder, TextEncoder, URL, URLSearchParams };
  return runInContext(`${script}\n;(${then})()`, createContext({ ...browser }));
};

describe('domain and contract in a browser', () => {
  test('use nothing from Node, and load and work with only a browser’s globals', async () => {
    const paths = [...modulesOf('domain'), ...modulesOf('contract')];
    expect(paths.length).toBeGreaterThan(50);
    const { asked, script } = await bundleForBrowser(paths);
    expect(asked).toEqual([]);
    const at = (name: string) => `bundle.module${paths.indexOf(join(root, name))}`;
    const answer = runAsBrowser(
      script,
      `async () => {
        const { decodeSeatBits } = ${at('domain/src/seat-bits.ts')};
        const { makeClient, checkBody } = ${at('contract/src/client.ts')};
        const { readyz } = ${at('contract/src/operations.ts')};
        const client = makeClient({
          fetch: async (url) => ({
            status: 200,
            headers: { get: () => 'application/json' },
            arrayBuffer: async () => new TextEncoder().encode('{"ready":true}').buffer,
          }),
          baseUrl: '',
          makeKey: () => '',
          accessToken: () => null,
          readBody: checkBody,
          retries: null,
        });
        const { body } = await client.call(readyz, {});
        return JSON.stringify([[...decodeSeatBits(new Uint8Array([0b11100100]), 4)], body]);
      }`,
    );
    expect(await answer).toBe('[[0,1,2,3],{"ready":true}]');
  });

  test('would be refused with a Node module or a Node global', async () => {
    const { asked } = await bundleForBrowser([join(fixtures, 'asks-node.ts')]);
    expect(asked).toEqual(['tests/lint/browser/fixtures/asks-node.ts: node:crypto']);
    const { script } = await bundleForBrowser([join(fixtures, 'wants-buffer.ts')]);
    expect(() => runAsBrowser(script, '() => 0')).toThrow('Buffer is not defined');
  });
});
