import { problemBody, problems } from '@usher/contract/problems.ts';
import { isRawBody, needsKey, passHeader, type RouteSpec } from '@usher/contract/route.ts';
import { z } from 'zod';

type Json = Record<string, unknown>;

/** Makes the schema of a part of a request or response. */
type ToSchema = (schema: z.ZodType, io: 'input' | 'output') => Json;

/**
 * The schemas that have a name in the contract (`meta({ id })`), each once, so that generated
 * clients have a type of that name. What a client sends may leave out fields that an answer always
 * has: such a schema is another one, with `Given` behind its name.
 */
const makeNamedSchemas = (): { schemas: Record<string, Json>; toSchema: ToSchema } => {
  const schemas: Record<string, Json> = {};
  const isSame = (a: Json, b: Json): boolean => JSON.stringify(a) === JSON.stringify(b);
  const pointTo = (schema: Json, renamed: ReadonlyMap<string, string>): Json =>
    JSON.parse(JSON.stringify(schema), (key, value: unknown) =>
      key === '$ref' && typeof value === 'string'
        ? `#/components/schemas/${renamed.get(value.replace('#/$defs/', ''))}`
        : value,
    ) as Json;
  return {
    schemas,
    toSchema: (schema, io) => {
      // Zod names what is inside of a schema, not the schema itself.
      const list = z.toJSONSchema(z.array(schema), { target: 'draft-2020-12', io });
      const { items, $defs = {} } = list as { items: Json; $defs?: Record<string, Json> };
      const found = Object.entries($defs).map(([name, { id: _, ...named }]) => ({ name, named }));
      const plain = new Map(found.map(({ name }) => [name, name]));
      const renamed = new Map(
        found.map(({ name, named }) => {
          const known = schemas[name];
          const isNew = known === undefined || isSame(known, pointTo(named, plain));
          return [name, isNew ? name : `${name}Given`];
        }),
      );
      for (const { name, named } of found)
        schemas[renamed.get(name) ?? name] ??= pointTo(named, renamed);
      return pointTo(items, renamed);
    },
  };
};

const parametersOf = (spec: RouteSpec, toSchema: ToSchema): Json[] => {
  const listed = (part: z.ZodObject | undefined, place: 'path' | 'query'): Json[] =>
    Object.entries(part?.shape ?? {}).map(([name, schema]) => ({
      name,
      in: place,
      required: place === 'path' || !schema.safeParse(undefined).success,
      schema: toSchema(schema as z.ZodType, 'input'),
    }));
  const repeats =
    spec.idempotency === 'by-id'
      ? 'A repeat changes nothing and gets what is so now'
      : 'A repeat of what succeeded gets the first response for 24 h';
  const key = {
    name: 'Idempotency-Key',
    in: 'header',
    required: needsKey(spec),
    description: `A fresh random text for a new request, the same one for a repeat. ${repeats}`,
    schema: { type: 'string', minLength: 16, maxLength: 255 },
  };
  const described = Object.entries(spec.headers ?? {});
  if (spec.pass === 'required')
    described.push([passHeader, 'The pass, if the show has a waiting room; see claimPass']);
  const headers = described.map(([name, description]) => ({
    name,
    in: 'header',
    required: false,
    description,
    schema: { type: 'string' },
  }));
  return [
    ...listed(spec.params, 'path'),
    ...listed(spec.query, 'query'),
    ...headers,
    ...(spec.idempotency === undefined ? [] : [key]),
  ];
};

/** Every code that a route can respond with: its own and those of the HTTP edge. */
export const problemsOf = (spec: RouteSpec): string[] => {
  const codes = new Set<string>(spec.problems);
  codes.add('TOO_MANY_REQUESTS').add('OVERLOADED').add('UNAVAILABLE').add('INTERNAL');
  if (spec.params !== undefined) codes.add('NOT_FOUND');
  if (spec.query !== undefined || spec.body !== undefined) codes.add('VALIDATION_FAILED');
  if (spec.body !== undefined) codes.add('MALFORMED_REQUEST').add('BODY_TOO_LARGE');
  if (spec.auth !== 'public') codes.add('UNAUTHENTICATED');
  if (spec.auth === 'organiser' || spec.auth === 'operator') codes.add('FORBIDDEN');
  if (spec.confirmed === 'required') codes.add('EMAIL_NOT_CONFIRMED');
  if (needsKey(spec)) codes.add('IDEMPOTENCY_KEY_MISSING');
  if (spec.idempotency !== undefined) codes.add('IDEMPOTENCY_KEY_REUSED');
  // Two calls of a route that stores nothing run side by side and find the same.
  if (spec.idempotency !== undefined && spec.idempotency !== 'by-id')
    codes.add('IDEMPOTENCY_KEY_RUNNING');
  return [...codes].sort();
};

const responsesOf = (spec: RouteSpec, toSchema: ToSchema): Json => {
  const responses: Json = {};
  for (const [status, body] of Object.entries(spec.responses)) {
    if (body === null) responses[status] = { description: 'Done, nothing to say' };
    else if (isRawBody(body))
      responses[status] = {
        description: body.description,
        content: { [body.contentType]: { schema: { type: 'string' } } },
      };
    else
      responses[status] = {
        description: 'Done',
        content: { 'application/json': { schema: toSchema(body, 'output') } },
      };
  }
  const byStatus = Map.groupBy(
    problemsOf(spec),
    (code) => problems[code as keyof typeof problems].status,
  );
  for (const [status, codes] of byStatus)
    responses[status] ??= {
      description: codes.join(', '),
      content: {
        'application/problem+json': {
          schema: {
            allOf: [
              { $ref: '#/components/schemas/Problem' },
              { type: 'object', properties: { code: { enum: codes } } },
            ],
          },
        },
      },
    };
  return responses;
};

/** The OpenAPI 3.1 document for these routes. */
export const makeOpenApi = (options: {
  routes: readonly RouteSpec[];
  title: string;
  version: string;
  description: string;
}): Json => {
  const paths: Record<string, Json> = {};
  const { schemas, toSchema } = makeNamedSchemas();
  schemas['Problem'] = toSchema(problemBody, 'output');
  // Answers first: the plain names are theirs.
  const responses = new Map(options.routes.map((spec) => [spec, responsesOf(spec, toSchema)]));
  for (const spec of options.routes) {
    const operation: Json = {
      operationId: spec.name,
      tags: [spec.tag],
      summary: spec.summary,
      parameters: parametersOf(spec, toSchema),
      responses: responses.get(spec),
      ...(spec.auth === 'public' ? {} : { security: [{ accessToken: [] }] }),
      'x-auth': spec.auth,
      'x-rate-limit': spec.rate,
      ...(spec.addressRate === undefined ? {} : { 'x-address-rate-limit': spec.addressRate }),
    };
    if (spec.body !== undefined)
      operation['requestBody'] = {
        required: true,
        content: { 'application/json': { schema: toSchema(spec.body, 'input') } },
      };
    paths[spec.path] = { ...paths[spec.path], [spec.method.toLowerCase()]: operation };
  }
  const tags = [...new Set(options.routes.map((spec) => spec.tag))];
  return {
    openapi: '3.1.0',
    info: {
      title: options.title,
      version: options.version,
      description: options.description,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    tags: tags.map((name) => ({ name })),
    paths,
    components: {
      schemas,
      securitySchemes: { accessToken: { type: 'http', scheme: 'bearer' } },
    },
  };
};
