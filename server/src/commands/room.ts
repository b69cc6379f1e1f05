import { readShow } from '@usher/contract/catalogue.ts';
import { logIn, logOut } from '@usher/contract/identity.ts';
import type { ProblemBody } from '@usher/contract/problems.ts';
import type { RouteSpec } from '@usher/contract/route.ts';
import {
  type LeverUse,
  listLevers,
  listRooms,
  pullLever,
  putRoom,
  type Room,
  readRoom,
} from '@usher/contract/waiting-room.ts';
import type { LocalText } from '@usher/domain/text.ts';
import { type HttpClient, makeHttpClient, type Reply } from '@usher/stampede/http.ts';
import { systemClock } from '../platform/clock.ts';
import { makeIds } from '../platform/ids.ts';
import { processPort } from '../platform/process.ts';
import { type Deed, exitCodes, help, parseRoomWords, type RoomOptions } from './room-options.ts';
import { renderRoom, renderRooms, renderUses, type TitledRoom } from './room-report.ts';

const triesMax = 3;
const pauseMs = 500;

/** An answer of the server that is no success. */
class Problem extends Error {
  readonly body: ProblemBody;
  constructor(body: ProblemBody) {
    const fields = (body.errors ?? []).map(({ path, message }) => `\n  ${path}: ${message}`);
    super(`${body.title}. ${body.detail}${fields.join('')}`);
    this.body = body;
  }
}

type Given = { params?: Readonly<Record<string, string>>; body?: object; key?: string };
type Api = (spec: RouteSpec, given?: Given) => Promise<unknown>;

const jsonOf = ({ body }: Reply): unknown => (body.length === 0 ? null : JSON.parse(`${body}`));

/**
 * Calls of one server. What got no answer, or may succeed later, is tried again a few times with
 * the same Idempotency-Key: it changes nothing twice.
 */
const makeApi = (http: HttpClient, origin: string, token: string | null): Api => {
  const once = async (spec: RouteSpec, { params = {}, body, key }: Given) => {
    const sent = await http.send({
      origin,
      method: spec.method,
      path: spec.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => params[name] ?? ''),
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(key === undefined ? {} : { 'idempotency-key': key }),
      },
      body: body === undefined ? null : JSON.stringify(body),
    });
    if (sent.outcome === 'no-answer')
      return { isFinal: false, fault: new Error(`${origin} does not answer (${sent.code})`) };
    const { status, headers } = sent.reply;
    if (status < 300) return { value: jsonOf(sent.reply) };
    if (!String(headers['content-type']).startsWith('application/problem+json'))
      return { isFinal: true, fault: new Error(`${origin} is no Usher: it answers ${status}`) };
    const problem = new Problem(jsonOf(sent.reply) as ProblemBody);
    return { isFinal: !problem.body.retryable, fault: problem };
  };
  return async (spec, given = {}) => {
    for (let tries = 1; ; tries++) {
      const result = await once(spec, given);
      if ('value' in result) return result.value;
      if (result.isFinal || tries === triesMax) throw result.fault;
      await systemClock.sleep(pauseMs * tries);
    }
  };
};

/** Calls with the operator's token: the one that was given, or one of a session just for this. */
const asOperator = async (
  { url, email }: RoomOptions,
  http: HttpClient,
  work: (api: Api) => Promise<void>,
): Promise<void> => {
  if (email === null) {
    const token = processPort.env['USHER_TOKEN'];
    if (token === undefined || token === '')
      throw new Error('say who you are: --email E --password-stdin, or a token in USHER_TOKEN');
    return work(makeApi(http, url, token));
  }
  const password = (await processPort.readInput()).replace(/\r?\n$/, '');
  const opened = await makeApi(http, url, null)(logIn, { body: { email, password } });
  const api = makeApi(http, url, (opened as { accessToken: string }).accessToken);
  try {
    await work(api);
  } finally {
    await api(logOut).catch(() => {
      // The deed is done or not, whatever comes of the session; it ends by itself.
    });
  }
};

/** The show's title, for the eye: that it cannot be read keeps nobody from pulling a lever. */
const titled = async (api: Api, room: Room): Promise<TitledRoom> => {
  const show = await api(readShow, { params: { showId: room.showId } }).catch(() => null);
  return { room, title: (show as { title: LocalText } | null)?.title ?? null };
};

const revOf = async (api: Api, options: RoomOptions, showId: string): Promise<number> =>
  options.ifRev ?? ((await api(readRoom, { params: { showId } })) as Room).rev;

const put = async (
  api: Api,
  options: RoomOptions,
  { showId, settings }: Deed & { verb: 'put' },
  key: string,
): Promise<Room> => {
  const params = { showId };
  const known = await api(readRoom, { params }).catch((error: unknown) => {
    // A show without a room gets one; whether there is such a show, the PUT will say.
    if (error instanceof Problem && error.body.code === 'NOT_FOUND') return null;
    throw error;
  });
  const room = known as Room | null;
  const ifRev = options.ifRev ?? room?.rev ?? null;
  const wanted = { ...room?.settings, ...settings };
  if (wanted.opensAt === undefined)
    throw new Error('the show has no room yet: --opens-at says when it opens');
  const body = { ifRev, settings: wanted, ...reasonOf(options) };
  return (await api(putRoom, { params, body, key })) as Room;
};

const reasonOf = ({ reason }: RoomOptions): { reason?: string } =>
  reason === null ? {} : { reason };

/** What the deed answers, and how it is said to a person. */
const perform = async (
  api: Api,
  options: RoomOptions,
): Promise<{ answer: unknown; text: () => Promise<string> }> => {
  const { deed } = options;
  const key = makeIds(systemClock).secret();
  const said = (room: Room) => ({
    answer: room,
    text: async () => renderRoom(await titled(api, room)),
  });
  if (deed.verb === 'list') {
    const answer = (await api(listRooms)) as { items: Room[] };
    const text = async () =>
      renderRooms(await Promise.all(answer.items.map((room) => titled(api, room))));
    return { answer, text };
  }
  const params = { showId: deed.showId };
  switch (deed.verb) {
    case 'show':
      return said((await api(readRoom, { params })) as Room);
    case 'levers': {
      const answer = (await api(listLevers, { params })) as { items: LeverUse[] };
      return { answer, text: async () => renderUses(answer.items) };
    }
    case 'put':
      return said(await put(api, options, deed, key));
    case 'pull': {
      const ifRev = await revOf(api, options, deed.showId);
      const body = { ifRev, action: deed.lever, ...reasonOf(options) };
      return said((await api(pullLever, { params, body, key })) as Room);
    }
  }
};

const codeOf = (error: unknown): number => {
  const code = error instanceof Problem ? error.body.code : '';
  if (code === 'ROOM_CHANGED_MEANWHILE') return exitCodes.changedMeanwhile;
  return code === 'LEVER_REFUSED' ? exitCodes.refused : exitCodes.failed;
};

const execute = async (options: RoomOptions, http: HttpClient): Promise<number> => {
  try {
    await asOperator(options, http, async (api) => {
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

export const runRoom = async (argv: string[]): Promise<number> => {
  const words = parseRoomWords(argv);
  if (words.outcome === 'help') {
    processPort.print(help);
    return exitCodes.done;
  }
  if (words.outcome === 'refused') {
    for (const fault of words.faults) processPort.printError(`${fault}\n`);
    return exitCodes.words;
  }
  const http = makeHttpClient(8);
  return execute(words.options, http).finally(http.close);
};
