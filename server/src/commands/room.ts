import { readShow } from '@usher/contract/catalogue.ts';
import { type Answer, makeClient, type RouteParts, trustBody } from '@usher/contract/client.ts';
import { logIn, logOut } from '@usher/contract/identity.ts';
import type { ProblemBody } from '@usher/contract/problems.ts';
import type { RouteSpec } from '@usher/contract/route.ts';
import {
  listLevers,
  listRooms,
  pullLever,
  putRoom,
  type Room,
  readRoom,
} from '@usher/contract/waiting-room.ts';
import { systemClock } from '../platform/clock.ts';
import { makeIds } from '../platform/ids.ts';
import { processPort } from '../platform/process.ts';
import type { Command } from './command.ts';
import { type Deed, exitCodes, help, parseRoomWords, type RoomOptions } from './room-options.ts';
import { renderRoom, renderRooms, renderUses, type TitledRoom } from './room-report.ts';

const triesMax = 3;
const pauseMs = 500;
const pauseMaxMs = 2000;

/** An error response of the server. */
class Problem extends Error {
  readonly body: ProblemBody;
  constructor(body: ProblemBody) {
    const fields = (body.errors ?? []).map(({ path, message }) => `\n  ${path}: ${message}`);
    super(`${body.title}. ${body.detail}${fields.join('')}`);
    this.body = body;
  }
}

/** A request without a response for this long is given up. */
const answerMaxMs = 15_000;

/** Returns the body of a successful response; throws for everything else. */
type Api = <S extends RouteSpec>(spec: S, parts: RouteParts<S>) => Promise<Answer<S>['body']>;

/**
 * Calls one server. Requests without a response, or with a retryable error, are retried a few times
 * with the same Idempotency-Key, so they act only once.
 */
const makeApi = (origin: string, token: string | null): Api => {
  const client = makeClient({
    fetch: (url, request) => fetch(url, { ...request, signal: AbortSignal.timeout(answerMaxMs) }),
    baseUrl: origin,
    makeKey: makeIds(systemClock).secret,
    accessToken: () => token,
    // A pulled lever stays pulled, even if a newer server responds with fields unknown here.
    readBody: trustBody,
    retries: { triesMax, pauseMs, pauseMaxMs, sleep: systemClock.sleep },
  });
  return async (spec, parts) => {
    const outcome = await client.call(spec, parts);
    if (outcome.outcome === 'answer') return outcome.body;
    if (outcome.outcome === 'refused') throw new Problem(outcome.problem);
    if (outcome.status === null) throw new Error(`${origin} does not answer (${outcome.why})`);
    throw new Error(`${origin} is not an Usher server: it returned ${outcome.status}`);
  };
};

/** Calls with the operator's token: the given one, or that of a session opened just for this. */
const asOperator = async (
  { url, email }: RoomOptions,
  work: (api: Api) => Promise<void>,
): Promise<void> => {
  if (email === null) {
    const token = processPort.env['USHER_TOKEN'];
    if (token === undefined || token === '')
      throw new Error(
        'sign in with --email E --password-stdin, or set USHER_TOKEN to an access token',
      );
    return work(makeApi(url, token));
  }
  const password = (await processPort.readInput()).replace(/\r?\n$/, '');
  const opened = await makeApi(url, null)(logIn, { body: { email, password } });
  const api = makeApi(url, opened.accessToken);
  try {
    await work(api);
  } finally {
    await api(logOut, {}).catch(() => {
      // The result does not depend on the log-out; the session expires anyway.
    });
  }
};

/** The show's title, for display only: levers work even if it cannot be read. */
const titled = async (api: Api, room: Room): Promise<TitledRoom> => {
  const show = await api(readShow, { params: { showId: room.showId } }).catch(() => null);
  return { room, title: show?.title ?? null };
};

const revOf = async (api: Api, options: RoomOptions, showId: string): Promise<number> =>
  options.ifRev ?? (await api(readRoom, { params: { showId } })).rev;

const put = async (
  api: Api,
  options: RoomOptions,
  { showId, settings }: Deed & { verb: 'put' },
): Promise<Room> => {
  const params = { showId };
  const room = await api(readRoom, { params }).catch((error: unknown) => {
    // A show without a room gets one; the PUT reports it if there is no such show.
    if (error instanceof Problem && error.body.code === 'NOT_FOUND') return null;
    throw error;
  });
  const ifRev = options.ifRev ?? room?.rev ?? null;
  const wanted = { ...room?.settings, ...settings };
  const { opensAt } = wanted;
  if (opensAt === undefined)
    throw new Error('the show has no room yet: give its opening time with --opens-at');
  const body = { ifRev, settings: { ...wanted, opensAt }, ...reasonOf(options) };
  return api(putRoom, { params, body });
};

const reasonOf = ({ reason }: RoomOptions): { reason?: string } =>
  reason === null ? {} : { reason };

/** The result of a command, and its text for a person. */
const perform = async (
  api: Api,
  options: RoomOptions,
): Promise<{ answer: unknown; text: () => Promise<string> }> => {
  const { deed } = options;
  const said = (room: Room) => ({
    answer: room,
    text: async () => renderRoom(await titled(api, room)),
  });
  if (deed.verb === 'list') {
    const answer = await api(listRooms, {});
    const text = async () =>
      renderRooms(await Promise.all(answer.items.map((room) => titled(api, room))));
    return { answer, text };
  }
  const params = { showId: deed.showId };
  switch (deed.verb) {
    case 'show':
      return said(await api(readRoom, { params }));
    case 'levers': {
      const answer = await api(listLevers, { params });
      return { answer, text: async () => renderUses(answer.items) };
    }
    case 'put':
      return said(await put(api, options, deed));
    case 'pull': {
      const ifRev = await revOf(api, options, deed.showId);
      const body = { ifRev, action: deed.lever, ...reasonOf(options) };
      return said(await api(pullLever, { params, body }));
    }
  }
};

const codeOf = (error: unknown): number => {
  const code = error instanceof Problem ? error.body.code : '';
  if (code === 'ROOM_CHANGED_MEANWHILE') return exitCodes.changedMeanwhile;
  return code === 'LEVER_REFUSED' ? exitCodes.refused : exitCodes.failed;
};

const execute = async (options: RoomOptions): Promise<number> => {
  try {
    await asOperator(options, async (api) => {
      const { answer, text } = await perform(api, options);
      processPort.print(options.isJson ? `${JSON.stringify(answer)}\n` : await text());
    });
    return exitCodes.done;
  } catch (error) {
    if (options.isJson && error instanceof Problem)
      processPort.print(`${JSON.stringify(error.body)}\n`);
    processPort.printError(`${error instanceof Error ? error.message : String(error)}\n`);
    return codeOf(error);
  }
};

const run = async (argv: string[]): Promise<number> => {
  const words = parseRoomWords(argv);
  if (words.outcome === 'help') {
    processPort.print(help);
    return exitCodes.done;
  }
  if (words.outcome === 'refused') {
    for (const fault of words.faults) processPort.printError(`${fault}\n`);
    return exitCodes.words;
  }
  return execute(words.options);
};

export const roomCommand: Command = { help, run };
