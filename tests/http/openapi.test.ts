import { readdir, readFile } from 'node:fs/promises';
import { Validator } from '@seriousme/openapi-schema-validator';
import { type ProblemCode, problemCodes, problems } from '@usher/contract/problems.ts';
import { allRoutes } from '@usher/contract/routes.ts';
import { beforeAll, describe, expect, test } from 'vitest';
import { madeDocs } from '../../server/src/commands/docs.ts';
import { sendByInject } from '../support/ask.ts';
import { openProgram, type Program } from '../support/program.ts';
import { routesIn } from '../support/route-tree.ts';

/** Routes for browsers that are not part of the JSON API. */
const pages = new RegExp(
  [
    /^GET \/(?:$|pay\/|o\/|assets\/|docs(?:\/|$)|shows\/|outbox(?:\/|$)|openapi\.json$)/,
    /^GET \/mails\//,
    /^POST \/(?:shows|mails)\//,
  ]
    .map(({ source }) => source)
    .join('|'),
);
const docs = new URL('../../docs/', import.meta.url);

let program: Program;
let document: Record<string, unknown>;
beforeAll(async () => {
  program = await openProgram();
  const send = sendByInject(program.app.http);
  const answer = await send({ method: 'GET', path: '/openapi.json', headers: {}, body: null });
  expect(answer.status).toBe(200);
  expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
  document = JSON.parse(answer.bytes.toString());
});

const documented = (): string[] =>
  Object.entries(document['paths'] as Record<string, object>).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
/** Those of the server itself; HEAD comes with every GET, OPTIONS with CORS. */
const served = (): string[] =>
  routesIn(program.app.http.printRoutes({ commonPrefix: false })).filter(
    (route) => !/^(?:HEAD|OPTIONS) /.test(route),
  );

const faultsOf = async (given: Record<string, unknown>): Promise<unknown> => {
  const { valid, errors } = await new Validator().validate(given);
  return valid ? null : errors;
};

describe('the OpenAPI document', () => {
  test('is valid OpenAPI 3.1', async () => {
    expect(document['openapi']).toBe('3.1.0');
    expect(await faultsOf(document)).toBeNull();
    const { info: _, ...broken } = document;
    expect(await faultsOf(broken)).not.toBeNull();
  });

  test('has no dangling references', () => {
    const text = JSON.stringify(document);
    const references = [...text.matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1] ?? '');
    expect(references).not.toEqual([]);
    for (const reference of new Set(references)) {
      const names = reference.replace(/^#\//, '').split('/');
      const target = names.reduce<unknown>(
        (part, name) => (part as Record<string, unknown> | undefined)?.[name],
        document,
      );
      expect(target, reference).toBeTypeOf('object');
    }
  });

  test('names the things of the contract once each, for the types of generated clients', () => {
    const { schemas } = document['components'] as { schemas: Record<string, object> };
    const things = ['Show', 'Performance', 'Venue', 'Hold', 'Order', 'Ticket', 'Place', 'Room'];
    expect(Object.keys(schemas)).toEqual(expect.arrayContaining([...things, 'Money', 'Account']));
    const read = (path: string, status: string) => {
      const at = ['paths', path, 'get', 'responses', status, 'content', 'application/json'];
      const found = at.reduce<unknown>((part, name) => (part as never)?.[name], document);
      return (found as { schema: object }).schema;
    };
    expect(read('/api/v1/shows/{showId}', '200')).toEqual({ $ref: '#/components/schemas/Show' });
    expect(read('/api/v1/orders', '200')).toMatchObject({
      properties: { items: { items: { $ref: '#/components/schemas/Order' } } },
    });
    // Nothing that has a name is also written out in place.
    const inPlace = JSON.stringify(document['paths']);
    for (const name of things) expect(inPlace).not.toContain(JSON.stringify(schemas[name]));
    const texts = Object.values(schemas).map((schema) => JSON.stringify(schema));
    expect(new Set(texts).size).toBe(texts.length);
  });

  test('describes every route that the server has, and no other', () => {
    const ofTheApi = served().filter((route) => !pages.test(route));
    expect(ofTheApi.sort()).toEqual(documented().sort());
    expect(documented()).toHaveLength(allRoutes.length);
  });

  test('leaves out the pages for browsers, which the server does have', () => {
    const left = served().filter((route) => pages.test(route));
    const own = ['/', '/pay/success', '/o/{token}', '/outbox', '/docs/', '/openapi.json'];
    for (const page of [...own, '/mails/openings/{token}']) expect(left).toContain(`GET ${page}`);
    expect(pages.test('POST /docs/problems')).toBe(false);
    expect(pages.test('GET /api/v1/docs')).toBe(false);
  });

  test('has unique operation ids, which client generators need', () => {
    const names = Object.values(document['paths'] as Record<string, Record<string, object>>)
      .flatMap((operations) => Object.values(operations))
      .map((operation) => (operation as { operationId: string }).operationId);
    expect(new Set(names).size).toBe(names.length);
    expect(names.sort()).toEqual(allRoutes.map(({ name }) => name).sort());
  });
});

describe('the parser of the server’s route tree', () => {
  test('follows nested and repeated branches and loses no method', () => {
    const tree = [
      '├── / (GET, HEAD)',
      '│   ├── api/v1/me (GET, HEAD)',
      '│   │   └── /likes (GET)',
      '│   └── api/v1/orders',
      '│       └── /:orderId (GET)',
      '│           └── /cancel (POST)',
      '└── * (OPTIONS)',
    ].join('\n');
    expect(routesIn(tree)).toEqual([
      'GET /',
      'HEAD /',
      'GET /api/v1/me',
      'HEAD /api/v1/me',
      'GET /api/v1/me/likes',
      'GET /api/v1/orders/{orderId}',
      'POST /api/v1/orders/{orderId}/cancel',
      'OPTIONS *',
    ]);
  });
});

describe('the words of problems', () => {
  type Words = { title: string; meaning: string; remedy: string };
  test('are served in Korean and English, as one file that a browser can load', async () => {
    const send = sendByInject(program.app.http);
    const path = '/assets/problems.json';
    const answer = await send({ method: 'GET', path, headers: {}, body: null });
    expect([answer.status, answer.headers['content-type']]).toEqual([
      200,
      'application/json; charset=utf-8',
    ]);
    const words = JSON.parse(answer.bytes.toString()) as Record<string, Record<string, Words>>;
    expect(Object.keys(words)).toEqual([...problemCodes]);
    for (const [code, { ko, en }] of Object.entries(words)) {
      expect(en?.title, code).toBe(problems[code as ProblemCode].title);
      for (const part of ['title', 'meaning', 'remedy'] as const) {
        expect(ko?.[part], code).toMatch(/[가-힣]/);
        // The fields that the English names are named in the Korean, too.
        const fields = (text = '') =>
          [...text.matchAll(/`(\w+)`/g)].map((field) => field[1]).sort();
        expect(fields(ko?.[part]), `${code} ${part}`).toEqual(fields(en?.[part]));
      }
    }
  });
});

describe('the documents in the repository', () => {
  test('are exactly what `usher docs` writes', async () => {
    const made = madeDocs();
    expect(made.size).toBeGreaterThan(30);
    for (const [name, text] of made)
      expect(await readFile(new URL(name, docs), 'utf8'), name).toBe(text);
  });

  test('have a page for every problem code, and none for a removed code', async () => {
    const files = await readdir(new URL('problems/', docs));
    const made = [...madeDocs().keys()].filter((name) => name.startsWith('problems/'));
    expect(files.map((name) => `problems/${name}`).sort()).toEqual(made.sort());
  });

  test('are served at the URL that a problem document gives', async () => {
    const send = sendByInject(program.app.http);
    for (const [name, text] of madeDocs()) {
      const code = /^problems\/(\w+)\.md$/.exec(name)?.[1];
      if (code === undefined) continue;
      const path = `/docs/problems/${code}`;
      const page = await send({ method: 'GET', path, headers: {}, body: null });
      expect([page.status, page.bytes.toString()], code).toEqual([200, text]);
    }
  });
});
