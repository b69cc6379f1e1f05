import { problemBody, problems } from '@usher/contract/problems.ts';
import { isRawBody, needsKey, passHeader, type RouteSpec } from '@usher/contract/route.ts';
import { z } from 'zod';

type Json = Record<string, unknown>;

const toSchema = (schema: z.ZodType, io: 'input' | 'output'): Json => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { target: 'draft-2020-12', io }) as Json;
  return rest;
};

const parametersOf = (spec: RouteSpec): Json[] => {
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
  if (needsKey(spec)) codes.add('IDEMPOTENCY_KEY_MISSING');
  if (spec.idempotency !== undefined) codes.add('IDEMPOTENCY_KEY_REUSED');
  // Two calls of a route that stores nothing run side by side and find the same.
  if (spec.idempotency !== undefined && spec.idempotency !== 'by-id')
    codes.add('IDEMPOTENCY_KEY_RUNNING');
  return [...codes].sort();
};

const responsesOf = (spec: RouteSpec): Json => {
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
  for (const spec of options.routes) {
    const operation: Json = {
      operationId: spec.name,
      tags: [spec.tag],
      summary: spec.summary,
      parameters: parametersOf(spec),
      responses: responsesOf(spec),
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
      schemas: { Problem: toSchema(problemBody, 'output') },
      securitySchemes: { accessToken: { type: 'http', scheme: 'bearer' } },
    },
  };
};
