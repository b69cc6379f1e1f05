import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CallRecord, Calls } from './calls.ts';
import { type Decider, decide, viewAnswer } from './decide.ts';
import { documentedCodes, type ErrorCode, errorBody, errors, isErrorCode } from './errors.ts';
import type { Fault, Faults } from './faults.ts';
import {
  type Answer,
  errorAnswer,
  type Idempotency,
  keyLengthMax,
  type Slot,
} from './idempotency.ts';
import type { Journal } from './journal.ts';
import type { Payment } from './payment.ts';
import { paymentText } from './payment-json.ts';
import { type ApiRequest, confirmRequest, routeOf } from './requests.ts';
import type { Settings } from './settings.ts';

type Deps = Decider & {
  secretKey: string;
  idempotency: Idempotency;
  faults: Faults;
  calls: Calls;
  settings: Settings;
  journal: Journal;
};

/** One call in progress: the request, the fault that applies, the connection. */
type Running = {
  request: ApiRequest;
  res: ServerResponse;
  record: CallRecord;
  fault: Fault | null;
  /** Where the answer is stored for replays; null without a key or if this is a replay. */
  slot: Slot | null;
  idempotencyKey: string | null;
  /** Decided on arrival: a replay, a running key, a busy payment. */
  known: Answer | null;
  /** The payment that this call keeps busy while it runs. */
  busy: Payment | null;
};

export type Api = ReturnType<typeof makeApi>;

/** The provider's public API: `handle` answers every request whose path begins with `/v1/`. */
export const makeApi = (deps: Deps) => {
  const authorization = `Basic ${Buffer.from(`${deps.secretKey}:`).toString('base64')}`;
  return {
    handle(req: IncomingMessage, res: ServerResponse, url: string, text: string): void {
      const admitted =
        req.headers.authorization === authorization
          ? admit(req, url, text)
          : refusalOfAuthorization(req.headers.authorization);
      if (typeof admitted === 'string') {
        send(res, errors[admitted].status, errorBody(admitted, isEnglish(req)));
      } else {
        start(deps, admitted.request, admitted.key, res);
      }
    },
  };
};

const isEnglish = (req: IncomingMessage): boolean =>
  req.headers['accept-language']?.startsWith('en') === true;

/** The call of a request, or the code that refuses it before anything else is checked. */
const admit = (
  req: IncomingMessage,
  url: string,
  text: string,
): { request: ApiRequest; key: string | null } | ErrorCode => {
  const question = url.indexOf('?');
  const path = question < 0 ? url : url.slice(0, question);
  const route = routeOf(req.method ?? '', path);
  if (route === null) return 'NOT_FOUND';
  const isPost = req.method === 'POST';
  const key = isPost ? headerText(req.headers['idempotency-key']) : null;
  if (key !== null && (key === '' || key.length > keyLengthMax)) return 'INVALID_IDEMPOTENCY_KEY';
  // Forced errors come before the payment is looked up, so they work with an invented key.
  const forced = headerText(req.headers['tosspayments-test-code']);
  if (forced !== null) {
    const isKnown = isErrorCode(forced) && documentedCodes[route.call].has(forced);
    return isKnown ? forced : 'INVALID_TEST_CODE';
  }
  const search = question < 0 ? '' : url.slice(question);
  const input = isPost ? parseJson(text) : undefined;
  return { request: { ...route, path, search, input, english: isEnglish(req) }, key };
};

const headerText = (value: string | string[] | undefined): string | null =>
  value === undefined ? null : String(value);

const refusalOfAuthorization = (header: string | undefined): ErrorCode => {
  const credentials = /^Basic (.+)$/.exec(header ?? '')?.[1];
  if (credentials === undefined) return 'UNAUTHORIZED_KEY';
  const hasColon = Buffer.from(credentials, 'base64').includes(':');
  return hasColon ? 'UNAUTHORIZED_KEY' : 'INCORRECT_BASIC_AUTH_FORMAT';
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch (failure) {
    if (failure instanceof SyntaxError) return undefined;
    throw failure;
  }
};

const start = (deps: Deps, request: ApiRequest, key: string | null, res: ServerResponse): void => {
  const payment = subject(deps, request);
  const running: Running = {
    request,
    res,
    record: recordOf(deps, request, key, payment),
    fault: deps.faults.take(request.call, request.orderId, request.paymentKey),
    slot: null,
    idempotencyKey: key,
    known: null,
    busy: null,
  };
  if (key !== null) claimKey(deps, running, key);
  if (running.known === null && request.call === 'confirm' && payment !== undefined) {
    if (payment.isBusy) {
      running.known = errorAnswer('ALREADY_PROCESSING_REQUEST', request.english);
      releaseKey(deps, running);
    } else {
      running.fault ??= faultOfCard(deps, payment, request);
    }
  }
  proceed(deps, running, payment);
};

/** The payment that a call refers to; fills in what the call did not name itself. */
const subject = (deps: Deps, request: ApiRequest): Payment | undefined => {
  if (request.call === 'confirm' && request.input !== undefined) {
    const asked = confirmRequest(request.input);
    request.paymentKey = asked?.paymentKey ?? null;
    request.orderId = asked?.orderId ?? null;
  }
  if (request.call === 'query-by-order') {
    const payment = deps.payments.byOrder(request.orderId!);
    request.paymentKey = payment?.paymentKey ?? null;
    return payment;
  }
  if (request.paymentKey === null) return undefined;
  const payment = deps.payments.byKey(request.paymentKey);
  request.orderId ??= payment?.orderId ?? null;
  return payment;
};

const recordOf = (
  { calls, time }: Deps,
  { call, orderId, paymentKey, input }: ApiRequest,
  idempotencyKey: string | null,
  payment: Payment | undefined,
): CallRecord => {
  const asked = input as { amount?: unknown; cancelAmount?: unknown } | undefined | null;
  const amount = call === 'cancel' ? asked?.cancelAmount : asked?.amount;
  return calls.add({
    atMs: time.nowMs(),
    call,
    idempotencyKey,
    orderId: orderId ?? payment?.orderId ?? null,
    paymentKey,
    amount: typeof amount === 'number' ? amount : null,
    status: null,
    code: null,
    isReplay: false,
    fault: null,
  });
};

const claimKey = (deps: Deps, running: Running, key: string): void => {
  const { request } = running;
  const claim = deps.idempotency.begin(key, request.path);
  if (claim === 'full') {
    running.known = errorAnswer('SANDBOX_FULL', request.english);
  } else if (claim.isNew) {
    running.slot = claim.slot;
  } else if (claim.slot.answer === null) {
    running.known = errorAnswer('IDEMPOTENT_REQUEST_PROCESSING', request.english);
  } else {
    running.known = claim.slot.answer;
    running.record.isReplay = true;
  }
};

const releaseKey = (deps: Deps, running: Running): void => {
  if (running.slot === null) return;
  deps.idempotency.release(running.idempotencyKey!, running.request.path);
  running.slot = null;
};

/** A payment with outcome timeout does so once, at its first confirm that would have succeeded. */
const faultOfCard = (deps: Deps, payment: Payment, { input }: ApiRequest): Fault | null => {
  const { outcome } = payment;
  if ((outcome !== 'timeout' && outcome !== 'lost') || payment.status !== 'IN_PROGRESS')
    return null;
  const asked = confirmRequest(input);
  if (asked?.orderId !== payment.orderId || asked.amount !== payment.totalAmount) return null;
  deps.payments.approveNext(payment);
  return { phase: outcome === 'timeout' ? 'after-commit' : 'before-commit', action: 'hang' };
};

/** The way to the provider: latency, and faults before it has done anything. */
const proceed = (deps: Deps, running: Running, payment: Payment | undefined): void => {
  const { fault } = running;
  let waitMs = deps.settings.latencyMs;
  if (fault !== null) running.record.fault = `${fault.phase} ${fault.action}`;
  if (fault?.phase === 'before-commit') {
    if (fault.action === 'delay') {
      waitMs += fault.delayMs;
    } else if (fault.action !== 'answer') {
      // The request is lost on its way, so its key is unused.
      releaseKey(deps, running);
      strike(deps, running, fault, null);
      return;
    }
  }
  if (waitMs === 0) {
    finish(deps, running);
    return;
  }
  if (running.request.call === 'confirm' && running.known === null && payment !== undefined) {
    payment.isBusy = true;
    running.busy = payment;
  }
  deps.time.after(waitMs, () => finish(deps, running));
};

/** The provider's own work. */
const finish = (deps: Deps, running: Running): void => {
  const { fault, record, slot } = running;
  const forced = fault?.action === 'answer' ? answerOf(fault) : null;
  if (forced !== null && fault?.phase === 'after-commit' && running.known === null) {
    decide(deps, running.request);
  }
  // A forced answer is the provider's own wrong one, so a replay repeats it.
  const answer = forced ?? running.known ?? decide(deps, running.request);
  if (running.busy !== null) running.busy.isBusy = false;
  if (slot !== null) deps.idempotency.keep(slot, answer);
  record.status = answer.kind === 'payment' ? 200 : answer.status;
  record.code = answer.kind === 'payment' ? null : answer.code;
  // No response and no disconnect before the change is in the journal.
  deps.journal.whenWritten(() => giveBack(deps, running, answer));
};

/** The way back: the answer, or the fault that applies to it. */
const giveBack = (deps: Deps, running: Running, answer: Answer): void => {
  const { fault } = running;
  if (fault?.phase !== 'after-commit' || fault.action === 'answer') {
    deliver(deps, running, answer);
  } else if (fault.action === 'delay') {
    deps.time.after(fault.delayMs, () => deliver(deps, running, answer));
  } else {
    strike(deps, running, fault, answer);
  }
};

const answerOf = (fault: Fault & { action: 'answer' }): Answer => ({
  kind: 'text',
  status: fault.status,
  code: fault.code,
  body: JSON.stringify({ code: fault.code, message: fault.message }),
});

const bodyOf = (deps: Deps, answer: Answer): string =>
  answer.kind === 'text' ? answer.body : paymentText(answer.view, deps.baseUrl());

const deliver = (deps: Deps, { res }: Running, answer: Answer): void => {
  send(res, answer.kind === 'payment' ? 200 : answer.status, bodyOf(deps, answer));
};

const jsonType = 'application/json;charset=UTF-8';

const send = (res: ServerResponse, status: number, body: string, contentType = jsonType): void => {
  if (res.destroyed) return;
  res.writeHead(status, ['Content-Type', contentType, 'Content-Length', Buffer.byteLength(body)]);
  res.end(body);
};

/** Faults after which the caller does not have the provider's answer. */
const strike = (deps: Deps, running: Running, fault: Fault, answer: Answer | null): void => {
  const { res, request } = running;
  const { socket } = res;
  if (socket === null || socket.destroyed) return;
  switch (fault.action) {
    case 'hang': {
      const stop = deps.time.after(deps.settings.hangMs, () => socket.destroy());
      res.once('close', stop);
      return;
    }
    case 'reset':
      socket.resetAndDestroy();
      return;
    case 'truncate': {
      // Even before the commit it looks like a good answer: half of the current payment.
      const payment = request.paymentKey === null ? null : deps.payments.byKey(request.paymentKey);
      const whole = answer ?? (payment ? viewAnswer(payment, request.english) : null);
      const body = whole === null ? '{"mId":"sandbox",' : bodyOf(deps, whole);
      res.writeHead(whole === null || whole.kind === 'payment' ? 200 : whole.status, [
        'Content-Type',
        jsonType,
        'Content-Length',
        Buffer.byteLength(body) + 1,
      ]);
      res.write(body.slice(0, Math.ceil(body.length / 2)), () => socket.destroy());
      return;
    }
    case 'html':
      send(res, fault.status, gatewayPage(fault.status), 'text/html');
      return;
    case 'delay':
    case 'answer':
      throw new Error(`${fault.action} does not end a call`);
    default:
      fault satisfies never;
  }
};

const gatewayPage = (status: number): string =>
  `<html><head><title>${status}</title></head><body><h1>${status}</h1><hr>gateway</body></html>\n`;
