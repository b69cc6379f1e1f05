import type { RouteSpec } from '@usher/contract/route.ts';
import { type Ask, type Given, pathOf, type Reply } from './ask.ts';
import { exampleOf, type World } from './examples.ts';

/** A stranger, or the owner. */
export type Caller = {
  name: string;
  /** A currently valid token (some routes end sessions); none for anonymous callers. */
  token: () => Promise<string | undefined>;
  role: 'nobody' | 'BUYER' | 'ORGANISER' | 'OPERATOR';
};
export type Walk = {
  routes: readonly RouteSpec[];
  ask: Ask['ask'];
  /** What an account owns, as far as a stranger may know it; one of each kind in each. */
  worlds: readonly World[];
  /** Texts that reveal something about the owner: nobody else may receive one. */
  marks: readonly string[];
  /** Ids of the owner's things: a request with one must be refused. */
  owned: { buyer: readonly string[]; organiser: readonly string[] };
};
export type Finding = { route: string; caller: string; what: string };

const mayCall = (spec: RouteSpec, { role }: Caller): boolean => {
  if (role === 'nobody') return spec.auth === 'public';
  if (spec.auth === 'operator') return role === 'OPERATOR';
  return spec.auth !== 'organiser' || role !== 'BUYER';
};

const namesOwned = ({ owned }: Walk, spec: RouteSpec, given: Given): boolean => {
  const said = pathOf(spec, given) + JSON.stringify(given.body ?? null);
  const ids = spec.auth === 'organiser' ? owned.organiser : owned.buyer;
  return spec.auth !== 'public' && ids.some((id) => said.includes(id));
};

/** A refusal repeats the URL of the request, which alone reveals nothing. */
const toldBy = (reply: Reply): string => {
  const text = reply.bytes.toString();
  if (!String(reply.headers['content-type']).startsWith('application/problem+json')) return text;
  const { instance: _, ...problem } = JSON.parse(text);
  return JSON.stringify(problem);
};

const judge = (walk: Walk, spec: RouteSpec, caller: Caller, given: Given, reply: Reply) => {
  const { status } = reply;
  const told = walk.marks.filter((mark) => toldBy(reply).includes(mark));
  if (told.length > 0) return `${status} tells of ${told.join(', ')}`;
  if (!mayCall(spec, caller))
    return status === (caller.role === 'nobody' ? 401 : 403)
      ? null
      : `${status} to a role of others`;
  if (namesOwned(walk, spec, given))
    return status === 404 ? null : `${status} for what is not theirs`;
  if (spec.auth !== 'public' && status === 401) return 'the walk’s own token is not good';
  return status >= 500 ? `breaks with ${status}` : null;
};

const callAs = async (
  walk: Walk,
  spec: RouteSpec,
  caller: Caller,
  world: World,
): Promise<{ fault: string | null }> => {
  try {
    const token = await caller.token();
    const given = exampleOf(spec, world);
    const reply = await walk.ask(spec, token === undefined ? given : { ...given, as: token });
    return { fault: judge(walk, spec, caller, given, reply) };
  } catch (error) {
    return { fault: `cannot be walked: ${String(error)}` };
  }
};

/** Calls every route with another person's ids; returns what a stranger could read or do. */
export const walkAsStrangers = async (
  walk: Walk,
  strangers: readonly Caller[],
): Promise<Finding[]> => {
  const findings: Finding[] = [];
  for (const spec of walk.routes)
    for (const caller of strangers)
      for (const world of walk.worlds) {
        const { fault } = await callAs(walk, spec, caller, world);
        if (fault !== null) findings.push({ route: spec.name, caller: caller.name, what: fault });
      }
  return findings;
};

/**
 * The other half of the proof: the owner is admitted, so that the ids are real and a
 * stranger's 404 means something. Returns the routes that admit the owner in none of the worlds.
 */
export const walkAsOwner = async (
  walk: Walk,
  ownerOf: (spec: RouteSpec) => Caller,
): Promise<Finding[]> => {
  const findings: Finding[] = [];
  for (const spec of walk.routes) {
    const caller = ownerOf(spec);
    const statuses: number[] = [];
    for (const world of walk.worlds) {
      const token = await caller.token();
      if (token === undefined) throw new Error(`${caller.name} is not signed in`);
      statuses.push((await walk.ask(spec, { ...exampleOf(spec, world), as: token })).status);
    }
    const isIn = statuses.some((status) => ![401, 403, 404].includes(status) && status < 500);
    if (!isIn)
      findings.push({ route: spec.name, caller: caller.name, what: statuses.join(' and ') });
  }
  return findings;
};
